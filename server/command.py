"""The `shiftscope` command from its first moment on, when its modules are still being loaded."""

import signal
from importlib import import_module


def main() -> None:
    """Load the command line, which takes a second, and run it.

    Meanwhile Ctrl-C ends the process at once, without a traceback through half-loaded modules; a
    shell sees exit code 130, as later.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # some shells have it ignored in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    command_line = import_module(f"{__package__}.cli")
    signal.signal(signal.SIGINT, before)
    command_line.main()
