"""``python -m serving.reader``: a process that opens one foreign raster; started by ``serving.reader.process``."""

import sys

from serving.reader.child import main

if __name__ == "__main__":
    main(sys.argv[1:])
