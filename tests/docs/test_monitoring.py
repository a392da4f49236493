"""docs/monitoring.md, with the model that docs/own-table.md trained."""

import json
from dataclasses import replace

from tests.docs.conftest import DOCS
from tests.monitoring.receivers import http_receiver
from tests.services.kfp_server import kfp_server


def test_the_page_of_monitoring_does_what_it_says(own_table):
    shell, _ = own_table
    with http_receiver() as hook, kfp_server() as kfp:
        stand_ins = {
            "https://hooks.example.com/team": hook.url,
            "https://kubeflow.example.com/pipeline": kfp.url,
        }
        replace(shell, stand_ins=stand_ins).follow(DOCS / "monitoring.md")
        assert "mean radius" in json.dumps([str(request) for request in hook.requests])
    names = {run.display_name for run in kfp.objects["recurring_runs"]}
    assert names == {"score breast cancer", "watch breast cancer"}
