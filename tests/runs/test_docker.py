"""The shipped images, and the Docker runner."""

import pytest

from holdfast.images import FAMILIES, image
from tests.support import train

pytestmark = pytest.mark.docker

METRICS = ("roc_auc", "accuracy", "f1", "log_loss")


def same(first, second) -> None:
    """Check that two runs came to the same numbers, to the last digit."""
    assert first.code == second.code == 0, first.stderr + second.stderr
    one, two = first.document["outputs"], second.document["outputs"]
    assert {m: one[m] for m in METRICS} == {m: two[m] for m in METRICS}


def test_both_runners_agree_to_the_last_digit(engine, trained, breast_cancer, tmp_path):
    _, by_venv = trained
    by_docker = train(breast_cancer, "diagnosis", tmp_path / "docker", "--runner", "docker")
    same(by_venv, by_docker)
    for share in ("train", "test"):
        hashes = [
            next(t for t in r.document["tasks"] if t["name"] == "split-table")["outputs"][share][
                "metadata"
            ]["sha256"]
            for r in (by_venv, by_docker)
        ]
        assert hashes[0] == hashes[1]


@pytest.mark.real_data
def test_both_runners_agree_on_adult(engine, adult, real_table, tmp_path):
    same(adult, train(real_table("adult.parquet"), "class", tmp_path, "--runner", "docker"))


def test_a_mistake_looks_the_same_in_docker(engine, breast_cancer, tmp_path):
    result = train(breast_cancer, "diagnosys", tmp_path, "--runner", "docker")
    assert result.code == 2
    assert "'diagnosys', which is not among" in result.document["error"]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("family", FAMILIES)
class TestImage:
    def test_it_has_no_entrypoint_and_its_bytecode_is_compiled(self, family, engine):
        config = engine.images.get(image(family)).attrs["Config"]
        assert not config["Entrypoint"]
        program = (
            "import holdfast.errors, importlib.util as u, os\n"
            "print(os.path.exists(u.cache_from_source(holdfast.errors.__file__)))"
        )
        said = engine.containers.run(image(family), ["python3", "-c", program], remove=True)
        assert said.split() == [b"True"]

    def test_it_holds_this_very_package(self, family, engine):
        program = (
            "import hashlib, pathlib, holdfast\n"
            "root = pathlib.Path(holdfast.__file__).parent\n"
            "files = sorted(p for p in root.rglob('*.py'))\n"
            "print(hashlib.sha256(b''.join(p.read_bytes() for p in files)).hexdigest())"
        )
        said = engine.containers.run(image(family), ["python3", "-c", program], remove=True)
        import subprocess
        import sys

        here = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        assert said == here.stdout, "run: make images"
