"""pause_promotion on a real MLflow store."""

import pytest

from holdfast.errors import GateError, InputError
from holdfast.registry.pause_promotion.logic import pause, report
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.register_model.logic import Origin, register
from holdfast.registry.roll_back_model.logic import roll_back
from holdfast.verdict import Verdict

GOOD = Verdict("pass")


@pytest.fixture
def versions(client, model):
    """Two versions of a model, both of which were champion."""
    for version in (1, 2):
        register(model, "churn", "challenger", {}, Origin(git_commit=str(version)))
        promote(Promotion("churn"), GOOD)
    return client


def champion(client):
    return client.get_model_version_by_alias("churn", "champion").version


def test_while_there_is_a_pause_nothing_is_promoted_and_the_reason_is_told(versions):
    done = pause("churn", "Women are refused twice as often.", True)
    with pytest.raises(GateError, match=r"paused.*Women are refused twice as often"):
        promote(Promotion("churn", version=1), GOOD)
    assert champion(versions) == 2
    assert "Promotions of churn are paused" in report(done).markdown()


def test_a_rollback_needs_no_leave(versions):
    pause("churn", "Unfair.", True)
    assert roll_back("churn", "Unfair.", -1, "champion").version == 1


def test_the_pause_ends_when_it_is_told_to(versions):
    pause("churn", "Unfair.", True)
    pause("churn", "Mended.", False)
    pause("churn", "Mended.", False)
    assert promote(Promotion("churn", version=1), GOOD).version == 1


def test_a_pause_needs_a_reason(versions):
    with pytest.raises(InputError, match="`reason` must say why"):
        pause("churn", " ", True)


def test_a_model_that_is_not_there_yet_can_be_paused(client, model):
    pause("new", "Not before the audit.", True)
    register(model, "new", "challenger", {}, Origin())
    with pytest.raises(GateError, match="Not before the audit"):
        promote(Promotion("new"), GOOD)
