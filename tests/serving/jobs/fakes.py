"""Jobs to accept, and a clock to move."""

from serving.jobs.clock import MICROS, Instant
from serving.jobs.record import NewJob

YEAR_2038 = 2**31 * MICROS
SUBSCRIBER = {
    "successUri": "https://hub.example/good",
    "failedUri": "https://hub.example/bad",
    "inProgressUri": "https://hub.example/going",
}


class FakeClock:
    """Both clocks of an ``Instant``; nothing moves by itself."""

    def __init__(self, wall_s=1_700_000_000):
        self.wall_us = wall_s * MICROS
        self.epoch = "first boot"
        self.ticks = 1000 * MICROS

    def __call__(self, _transaction):
        return Instant(self.wall_us, self.epoch, self.ticks)

    def pass_by(self, seconds):
        """Time goes on."""
        self.wall_us += round(seconds * MICROS)
        self.ticks += round(seconds * MICROS)

    def set_wall(self, seconds):
        """Somebody sets the clock on the wall."""
        self.wall_us += round(seconds * MICROS)

    def reboot(self):
        """The other clock begins anew."""
        self.epoch += " and again"
        self.ticks = 0


def new_job(owner="ann", process="classify", **changes):
    return NewJob(**({"owner": owner, "process": process, "request": {"scene": "upload:1"}} | changes))


def accept(table, owner="ann", **changes):
    """A new job."""
    job, new = table.accept(new_job(owner, **changes))
    assert new
    return job
