"""Places in a document have lines."""

from holdfast import ir
from tests.lint import files


def line_with(text: str) -> int:
    lines = (files.PIPELINE + "---\n" + files.PLATFORM).splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_a_path_has_the_line_of_its_key_or_item(tmp_path):
    compiled = ir.read(files.write(tmp_path, files.PIPELINE, files.PLATFORM))
    train = ("root", "dag", "tasks", "train")
    assert compiled.line(train) == line_with("      train:")
    assert compiled.line((*train, "dependentTasks", 0)) == line_with("dependentTasks: [load]")
    container = ("deploymentSpec", "executors", "exec-load", "container")
    assert compiled.line((*container, "env", 0)) == line_with("- name: LEVEL")
    secret = ("platforms", "kubernetes", "deploymentSpec", "executors", "exec-load", "secretAsEnv")
    assert compiled.line((*secret, 0, "secretName"), 1) == line_with("secretName: store")


def test_a_path_that_leads_too_far_has_the_line_of_the_nearest_part(tmp_path):
    compiled = ir.read(files.write(tmp_path, files.PIPELINE))
    nearest = line_with("      train:")
    assert compiled.line(("root", "dag", "tasks", "train", "retryPolicy", "x", 3)) == nearest
    assert compiled.line(("nowhere",)) == 1
    assert compiled.line(("root",), document=1) == 1


def test_documents_made_without_a_file_have_the_first_line():
    pipeline, platform = files.documents()
    assert ir.Compiled(pipeline, platform, "").line(("root", "dag")) == 1
