"""Image files → squares of one size. A process of its own, so that several cores decode.

Run as a program it answers what `decoders.py` asks, in pickles through its standard input and
output, until that ends; it imports neither torch nor the rest of the trainer.
"""

import io
import os
import pickle
import stat
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG")
MOST_PIXELS = 89_478_485
"""Of an image: Pillow's own limit, where it begins to warn."""
BYTES_PER_PIXEL = 24
"""While an image is decoded: it is turned, and what is transparent is laid on white, six copies."""
Source = Path | bytes
"""A file, or the content of one that lies in an archive."""
Decoded = np.ndarray | str
"""uint8 (size, size, channels), or why there is none."""


def decode(source: Source, size: int, *, gray: bool, most: int = MOST_PIXELS) -> Decoded:
    """One image: turned upright, in RGB or gray, its middle square brought to size × size.

    That is the same as resizing the shorter side and cropping the centre. What is transparent
    shows white. No word of a file's content is in the reason why it can't be decoded.

    Args:
        source: The file.
        size: Height and width.
        gray: Whether to turn colour into gray.
        most: So many pixels may be in memory.
    """
    try:
        if isinstance(source, Path) and not stat.S_ISREG(os.stat(source).st_mode):
            return "no regular file"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oddities in what can be decoded all the same
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(
                io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS
            ) as image:
                # A JPEG much larger than that is decoded at a half, a quarter or an eighth.
                image.draft(None, (2 * size, 2 * size))
                if image.width * image.height > most:
                    return too_large(most)
                return np.asarray(_square(image, size, "L" if gray else "RGB"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return too_large(MOST_PIXELS)
    except UnidentifiedImageError:
        return "neither JPEG nor PNG"
    except (FileNotFoundError, PermissionError) as error:
        return str(error.strerror).lower()
    except MemoryError:
        return "too large for the memory"
    except Exception:  # Pillow raises whatever a damaged file leads it to
        return "damaged"


def too_large(most: int) -> str:
    """Why an image is not decoded that has more pixels than may be in memory."""
    return f"more than {most:,} pixels"


def _square(image: Image.Image, size: int, mode: str) -> Image.Image:
    upright = _in_rgb(ImageOps.exif_transpose(image))
    width, height = upright.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = upright.resize(
        (size, size), Image.Resampling.BILINEAR, (left, top, left + side, top + side)
    )
    return square.convert(mode)


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits, of which Pillow's conversion would cut off the high
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        above = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, above).convert("RGB")
    return image.convert("RGB")


def decode_all(
    sources: Sequence[Source], size: int, *, gray: bool, most: int = MOST_PIXELS
) -> list[Decoded]:
    """Many, one after the other."""
    return [decode(source, size, gray=gray, most=most) for source in sources]


def main() -> None:
    """Answer until nobody asks any more."""
    while True:
        try:
            sources, size, gray, most = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(decode_all(sources, size, gray=gray, most=most), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
