"""As the components do before they load a library: waiting threads sleep."""

from holdfast import threads

threads.wait_passively()
