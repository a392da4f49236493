"""The plain script's steps in Metaflow: python metaflow_flow.py run --table T --target T --folder F

Each step is a process, and hands data on by Metaflow's local store, as it does on a laptop.
"""

from metaflow import FlowSpec, Parameter, step


class Adult(FlowSpec):
    """Read, split, validate, fit, train, judge, register."""

    table = Parameter("table")
    target = Parameter("target")
    folder = Parameter("folder")

    @step
    def start(self):
        """Read and split."""
        from tests.bench.work import plain_script

        self.train, self.test = plain_script.split(self.table, self.target)
        self.next(self.check)

    @step
    def check(self):
        """Validate."""
        from tests.bench.work import plain_script

        plain_script.check(self.train, self.test)
        self.next(self.fit)

    @step
    def fit(self):
        """Train."""
        from tests.bench.work import plain_script

        self.model = plain_script.fit(self.train, self.target)
        self.next(self.judge)

    @step
    def judge(self):
        """Judge."""
        from tests.bench.work import plain_script

        self.metrics = plain_script.judge(self.model, self.test, self.target)
        self.next(self.register)

    @step
    def register(self):
        """Register."""
        from tests.bench.work import plain_script

        features = self.test.drop(columns=self.target)
        plain_script.register(self.model, features, self.metrics, self.folder)
        self.next(self.end)

    @step
    def end(self):
        """Metaflow wants it."""


if __name__ == "__main__":
    Adult()
