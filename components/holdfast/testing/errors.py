"""What a run in a test can end with, besides what the component itself raises.

Inputs that do not fit are told by `holdfast.errors.InputError`, before anything runs.
"""


class ComponentError(Exception):
    """A component failed in a process of its own.

    Attributes:
        exit_code: The process's; negative for the signal that ended it.
        stderr: What it said; for a pipeline what the step that failed said.
    """

    def __init__(self, name: str, exit_code: int, stderr: str) -> None:
        self.exit_code = exit_code
        self.stderr = stderr
        super().__init__(f"{name} must end with exit code 0. Found: {exit_code}.\n{stderr.strip()}")


class OutputError(AssertionError):
    """A component ended well, but what it left would be missed or refused on a cluster."""
