"""Every component in its image, with no more than a strict cluster leaves it.

A user that nobody knows, a root folder that is read-only, no network, no capability, half a
gigabyte of memory. What is written lies in /tmp, in the step's own folder, or outside.
"""

import pytest

from holdfast import catalog

pytestmark = pytest.mark.docker


def test_every_component_runs_in_its_hardened_image(hardened):
    assert hardened.done == set(catalog.__all__)
