"""What has to be on the disk before it is told as stored."""

import os
from pathlib import Path


def flush_folder(folder: Path) -> None:
    """Writes a folder's names through to the disk, after files of it were made, renamed or removed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
