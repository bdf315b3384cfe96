"""``python -m serving.work NAME``: one worker, started by ``serving.work.supervisor``."""

from serving.work.process import main

if __name__ == "__main__":
    raise SystemExit(main())
