"""Fashion-MNIST (Xiao, Rasul & Vollgraf 2017): MNIST's format and size, articles of clothing.

Its files have the names of MNIST's, so that they are looked for in folders of their own only: the
data folder's `fashion_mnist`, `fashion-mnist` and torchvision's `FashionMNIST/raw`.
"""

from .idx import NAMES, SHAPES, IdxDataset, IdxFile

MD5 = (
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "25c81989df183df01b3e8a0aad5dffbe",
    "bef4ecab320f06d8554ea6380940ec79",
    "bb300cfdad3c16e7a12a480ee83cd310",
)
"""Of the gzipped files: the table in the README of github.com/zalandoresearch/fashion-mnist."""
FASHION_MNIST = IdxDataset(
    title="Fashion-MNIST",
    megabytes=31,
    folders=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    files=tuple(
        IdxFile(name, shape, md5=digest)
        for name, shape, digest in zip(NAMES, SHAPES, MD5, strict=True)
    ),
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)
