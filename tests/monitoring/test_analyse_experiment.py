"""analyse_experiment: numbers by hand, rates of wrong alarms by simulation, and bad input."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm

from holdfast.errors import InputError
from holdfast.monitoring.analyse_experiment import compare, estimates, logic
from holdfast.monitoring.analyse_experiment.arms import Counts, opened
from holdfast.monitoring.analyse_experiment.compare import always_valid, one_look, ratio
from holdfast.monitoring.analyse_experiment.estimates import Arm, Look, looks_of
from holdfast.monitoring.analyse_experiment.sequential import Design, half_width
from holdfast.table import TableWriter, open_table
from holdfast.verdict import read_verdict

DAY = datetime.date(2026, 3, 1)
LATENCY = "guardrails: [{metric: ms, kind: p90, better: lower, tolerance: 10}]"


def write(path, **columns):
    rows = pa.table(columns)
    with TableWriter(path, rows.schema) as writer:
        for batch in rows.to_batches():
            writer.write(batch)
    return open_table(path)


def request(metric=("y", "mean", "higher"), effect=0.5, unit="", time="", control="a",
         aggregate="mean", guardrails="", baseline=0.0, **plan):  # fmt: skip
    numbers = {"min_effect": 0.0, "share": 0.5, "alpha": 0.05, "power": 0.8, "srm": 0.001,
               "maximum": 0} | plan  # fmt: skip
    columns = ("arm", control, unit, time, aggregate)
    return logic.ask(metric, columns, (effect, *numbers.values()), guardrails, baseline)


def experiment(path, count=2000, effect=0.0, days=10, seed=0, **more):
    """Write units of two arms, whose y has the variance 1 and differs by exactly the effect."""
    generator = np.random.default_rng(seed)
    arms = np.tile(["a", "b"], count)
    noise = generator.normal(size=(count, 2))
    noise = (noise - noise.mean(axis=0)) / noise.std(axis=0, ddof=1)
    values = noise.ravel() + effect * (arms == "b")
    when = [
        DAY + datetime.timedelta(days=int(i)) for i in np.arange(2 * count) * days // (2 * count)
    ]
    columns = {"arm": pa.array(arms), "y": values, "day": pa.array(when)}
    return write(path, **columns, **{name: make(arms, generator) for name, make in more.items()})


def analyse(table, asked):
    return logic.analyse_table(table, asked)


def codes(result):
    return [reason.code for reason in result.verdict.reasons]


# What is decided.


@pytest.mark.parametrize(
    ("effect", "choice", "decision", "code"),
    [
        (0.5, "ship", "pass", "better"),
        (-0.3, "stop", "fail", "harm"),
        (0.0, "stop", "fail", "futile"),
    ],
)
def test_a_better_treatment_ships_and_harm_or_futility_stop(
    tmp_path, effect, choice, decision, code
):
    table = experiment(tmp_path / "table", effect=effect)
    result = analyse(table, request(time="day"))
    assert (result.choice, result.verdict.decision, codes(result)) == (choice, decision, [code])
    metadata = result.write(*(tmp_path / name for name in ("verdict", "page", "summary")))
    assert metadata["decision"] == read_verdict(tmp_path / "verdict").decision == decision
    page = (tmp_path / "page").read_text()
    assert page.count("<svg") == 1
    assert f"Decision: {choice}" in page
    assert all(math.isfinite(value) for value in result.scores.values())


def test_lower_may_be_better(tmp_path):
    table = experiment(tmp_path / "table", effect=-0.5)
    assert analyse(table, request(("y", "mean", "lower"))).choice == "ship"


def test_few_units_continue(tmp_path):
    result = analyse(experiment(tmp_path / "few", 90, effect=5), request())
    assert (result.choice, result.verdict.decision) == ("continue", "warn")
    assert codes(result) == ["too_few_units"]
    result = analyse(experiment(tmp_path / "more", 120, effect=0.2), request())
    assert (result.choice, codes(result)) == ("continue", ["undecided"])


def test_an_experiment_that_has_its_units_stops_undecided(tmp_path):
    table = experiment(tmp_path / "table", 120, effect=0.2)
    result = analyse(table, request(maximum=240))
    assert (result.choice, codes(result)) == ("stop", ["maximum_reached", "undecided"])
    assert analyse(table, request(maximum=241)).choice == "continue"


def test_a_treatment_that_is_better_but_not_by_the_minimum_does_not_ship(tmp_path):
    table = experiment(tmp_path / "table", effect=0.5)
    assert analyse(table, request(effect=0.8, min_effect=0.3)).choice == "ship"
    assert analyse(table, request(effect=0.8, min_effect=0.45)).choice == "stop"
    assert analyse(table, request(effect=0.52, min_effect=0.45)).choice == "continue"


def test_an_effect_that_fades_is_told(tmp_path):
    table = experiment(tmp_path / "table", effect=0.1, days=10)
    rows = table.read().to_pydict()
    early = [0.6 if arm == "b" and k < 400 else 0.0 for k, arm in enumerate(rows["arm"])]
    shifted = [y + more for y, more in zip(rows["y"], early, strict=True)]
    faded = write(tmp_path / "faded", arm=rows["arm"], y=shifted, day=rows["day"])
    result = analyse(faded, request(effect=0.3, min_effect=0.2, time="day"))
    assert (result.choice, codes(result)) == ("stop", ["futile", "decided_before"])
    assert "2026-03-01" in result.verdict.reasons[1].message


# The numbers.


def test_means_and_proportions_are_those_of_the_units(tmp_path):
    asked = request(("hit", "proportion", "higher"), effect=0.1)
    hits = [1] * 30 + [0] * 70 + [1] * 45 + [0] * 55
    table = write(tmp_path / "table", arm=["a"] * 100 + ["b"] * 100, hit=hits)
    scores = analyse(table, asked).scores
    assert (scores["control"], scores["treatment"]) == (0.30, 0.45)
    assert scores["difference"] == pytest.approx(0.15)
    assert scores["ratio"] == pytest.approx(1.5)
    true = write(tmp_path / "true", arm=["a"] * 100 + ["b"] * 100, hit=[bool(h) for h in hits])
    assert analyse(true, asked).scores == scores


def test_the_interval_of_two_proportions_is_newcombes():
    # Newcombe 1998, table II, example (a), method 10: 56/70 less 48/80.
    arms = (Arm(n, k / n, 0.0, min(k, n - k)) for n, k in ((80, 48), (70, 56)))
    metric = request(("hit", "proportion", "higher"), effect=0.1).metric
    found = one_look(Look("", *arms), metric, 0.05)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize("value", [-1.0, 0.0, 1e-18, 0.6])
def test_there_is_no_ratio_to_what_cannot_be_told_from_0(value):
    look = Look("", Arm(100, value, 0.1), Arm(100, 1.0, 0.1))
    assert ratio(look, 0.05) is None


def test_a_ratio_has_the_interval_of_its_logarithm():
    found = ratio(Look("", Arm(9, 2.0, 0.04), Arm(9, 4.0, 0.0)), 0.05)
    assert found.high / found.value == pytest.approx(math.exp(1.959964 * 0.1))


def test_the_rows_of_a_unit_are_not_independent(tmp_path):
    table = experiment(tmp_path / "units", 300, effect=0.25)
    rows = table.read()
    users = pa.array(np.arange(rows.num_rows))
    many = pa.concat_tables([rows.append_column("user", users)] * 9)
    copies = write(tmp_path / "copies", **{n: many.column(n) for n in many.column_names})
    once, grouped = analyse(table, request()), analyse(copies, request(unit="user"))
    assert grouped.scores == pytest.approx(once.scores)
    assert (once.choice, analyse(copies, request()).choice) == ("continue", "ship")


@pytest.mark.parametrize(("aggregate", "value"), [("mean", 0.5), ("sum", 1.0), ("max", 1.0)])
def test_a_units_rows_become_one_value(tmp_path, aggregate, value):
    arms = np.repeat(["a", "b"], 200)
    table = write(tmp_path / "table", arm=arms, y=np.tile([0.0, 1.0], 200),
                  user=np.arange(400) // 2)  # fmt: skip
    result = analyse(table, request(unit="user", aggregate=aggregate))
    assert (result.scores["units_control"], result.scores["control"]) == (100, value)


def test_percentiles_are_those_of_the_rows(tmp_path):
    table = write(tmp_path / "table", arm=["a"] * 1000 + ["b"] * 1000,
                  y=[*range(1, 1001), *range(11, 1011)])  # fmt: skip
    scores = analyse(table, request(("y", "p90", "lower"), effect=50.0)).scores
    assert (scores["control"], scores["treatment"]) == (900, 910)
    # The share below has the standard error sqrt(0.9 * 0.1 / 1000); here a share is 1000 values.
    width = 1.96 * math.sqrt(2 * 0.9 * 0.1 / 1000) * 1000
    assert scores["difference_high"] - 10 == pytest.approx(width, rel=0.06)


def test_the_interval_of_a_percentile_holds_where_rows_come_in_units(tmp_path):
    held = {True: 0, False: 0}
    draws = 30
    generator = np.random.default_rng(0)
    for number in range(draws):
        users = np.repeat(np.arange(400), 5)
        slow = generator.normal(size=400)[users] * 2
        values = slow + generator.normal(size=2000)
        arms = np.where(users % 2, "a", "b")
        table = write(tmp_path / str(number), arm=arms, y=values, user=users)
        for grouped in held:
            asked = request(("y", "p75", "lower"), unit="user" if grouped else "")
            with opened(table, asked) as found:
                (look,) = looks_of(found, asked.metric, "v0", "mean")
            interval = one_look(look, asked.metric, 0.05)
            held[grouped] += interval.low <= 0 <= interval.high
    assert held[True] >= 0.85 * draws
    assert held[False] <= 0.8 * draws


def test_each_day_is_a_look_and_many_days_are_put_together(tmp_path):
    table = experiment(tmp_path / "table", 500, days=100)
    asked = request(time="day")
    with opened(table, asked) as found:
        looks = looks_of(found, asked.metric, "v0", "mean")
    assert len(looks) <= 40
    assert looks[-1].day == "2026-06-08"
    assert (looks[-1].control.units, looks[0].control.units) == (500, 5)
    with opened(table, request()) as found:
        (only,) = looks_of(found, asked.metric, "v0", "mean")
    assert (only.control, only.treatment) == (looks[-1].control, looks[-1].treatment)


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_days_are_those_of_utc_wherever_it_runs(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    hours = [datetime.datetime(2026, 3, 1, 23), datetime.datetime(2026, 3, 2, 1)]
    when = pa.array(hours * 2, pa.timestamp("ns", zone))
    table = write(tmp_path / "table", arm=["a", "a", "b", "b"], y=[1.0, 2.0, 3.0, 4.0], at=when)
    with opened(table, request(time="at")) as found:
        assert [day for day, _ in found.looks] == ["2026-03-01", "2026-03-02"]


# Looking every day.


def daily(effect, experiments, days, per_day, seed):
    """Return estimates and their variances of many experiments, by day, as looks have them."""
    generator = np.random.default_rng(seed)
    units = per_day * np.arange(1, days + 1)
    arms = []
    for shift in (0.0, effect):
        values = generator.normal(shift, 1, (experiments, days * per_day))
        ends = units - 1
        mean = np.cumsum(values, 1)[:, ends] / units
        square = np.cumsum(values**2, 1)[:, ends] / units
        arms.append((mean, (square - mean**2) / (units - 1)))
    return arms[1][0] - arms[0][0], arms[0][1] + arms[1][1]


def test_daily_looks_give_no_more_wrong_alarms_than_alpha_but_do_so_with_a_fixed_test():
    design = Design(0.2, 0.05, 0.8)
    found, variance = daily(0.0, 600, 60, 100, seed=1)
    alarms = (np.abs(found) > half_width(variance, design.mixing, 0.05)).any(axis=1).mean()
    naive = (np.abs(found) > 1.96 * np.sqrt(variance)).any(axis=1).mean()
    last = (np.abs(found[:, -1]) > 1.96 * np.sqrt(variance[:, -1])).mean()
    # 600 experiments: three standard errors of a rate of 0.05 are 0.027.
    assert alarms <= 0.05
    assert naive > 0.25
    assert 0.02 < last < 0.08


@pytest.mark.parametrize(("share", "effect"), [(0.02, 0.01), (0.3, 0.05)])
def test_rare_events_give_no_more_wrong_alarms_either(share, effect):
    generator = np.random.default_rng(4)
    units = 100 * np.arange(1, 61)
    events = np.cumsum(generator.binomial(100, share, (2, 600, 60)), axis=2)
    looks = (estimates.mean_of(100, k / 100, 0.0, 0) for k in (3, 50))
    assert [arm.variance for arm in looks] == pytest.approx([4 / 102 * 98 / 102 / 100, 0.0025])
    middle = (events + 1) / (units + 2)
    variance = (middle * (1 - middle) / units).sum(axis=0)
    enough = np.minimum(events, units - events).sum(axis=0) >= compare.MIN_EVENTS
    found = np.abs(events[1] - events[0]) / units
    width = half_width(variance, Design(effect, 0.05, 0.8).mixing, 0.05)
    assert ((found > width) & enough).any(axis=1).mean() <= 0.05


def test_the_sequence_is_that_of_the_looks(tmp_path):
    table = experiment(tmp_path / "table", 1000, effect=0.1, days=20)
    asked = request(time="day", effect=0.2)
    with opened(table, asked) as found:
        look = looks_of(found, asked.metric, "v0", "mean")[9]
    rows = table.read().slice(0, 1000).to_pandas()
    groups = rows.groupby("arm").y
    variance = (groups.var() / groups.count()).sum()
    assert look.difference == pytest.approx(groups.mean()["b"] - groups.mean()["a"])
    assert look.variance == pytest.approx(variance)
    interval = always_valid(look, Design(0.2, 0.05, 0.8))
    tau = Design(0.2, 0.05, 0.8).mixing
    # Johari et al. 2022: the test rejects where this ratio of likelihoods reaches 1 / alpha.
    shift = interval.high - interval.value
    odds = math.sqrt(variance / (variance + tau))
    odds *= math.exp(tau * shift**2 / (2 * variance * (variance + tau)))
    assert odds == pytest.approx(1 / 0.05)


def test_the_sequence_is_tightest_at_the_planned_size():
    design = Design(0.2, 0.05, 0.8)
    ratios = design.mixing * np.array([0.5, 0.9, 1.0, 1.1, 2.0])
    widths = [float(half_width(design.variance, mixing, 0.05)) for mixing in ratios]
    assert min(widths) == widths[2]


def test_power_is_about_as_planned(tmp_path):
    need = logic.plan(request(effect=0.2, baseline=1.0)).scores
    # Two arms of variance 1: 2 * (1.96 + 0.8416)^2 / 0.2^2.
    assert need["units_needed_control"] == need["units_needed_treatment"] == 393
    size = int(need["units_needed_control"])
    found, variance = daily(0.2, 800, 1, size, seed=2)
    assert 0.75 < (found > norm.ppf(0.975) * np.sqrt(variance)).mean() < 0.85
    most = int(need["units_needed_sequential_control"])
    assert size < most < 2.2 * size
    design = Design(0.2, 0.05, 0.8)
    found, variance = daily(0.2, 400, 40, most // 40, seed=3)
    crossed = found > half_width(variance, design.mixing, 0.05)
    assert 0.8 <= crossed.any(axis=1).mean() < 0.97
    # On average it ends sooner than the last day.
    assert np.where(crossed.any(axis=1), crossed.argmax(axis=1), 40).mean() < 30


def test_a_plan_of_proportions_follows_the_share_of_the_arms(tmp_path):
    asked = request(("hit", "proportion", "higher"), effect=0.1, baseline=0.4, share=0.2)
    result = logic.analyse("", asked)
    spread = 0.24 / 0.8 + 0.25 / 0.2
    total = spread * ((1.959964 + 0.841621) / 0.1) ** 2
    assert result.scores["units_needed_control"] == math.ceil(0.8 * total)
    assert result.scores["units_needed_treatment"] == math.ceil(0.2 * total)
    assert (result.choice, result.verdict.decision) == ("continue", "no_baseline")
    assert "looked at daily" in result.report.markdown()
    seen = [1] * 400 + [0] * 600
    table = write(tmp_path / "table", arm=["a"] * 1000 + ["b"] * 250, hit=[*seen, *seen[300:550]])
    after = analyse(table, asked).scores
    assert after["units_needed_control"] == pytest.approx(0.8 * total, rel=0.01)


# What makes an experiment worth nothing.


def test_a_wrong_split_stops_whatever_the_metric_says(tmp_path):
    table = experiment(tmp_path / "table", effect=0.5)
    rows = table.read()
    drop = (np.arange(rows.num_rows) % 10 != 1).tolist()
    short = rows.filter(pa.array(drop))
    table = write(tmp_path / "short", **{n: short.column(n) for n in short.column_names})
    result = analyse(table, request())
    assert (result.choice, codes(result)) == ("stop", ["sample_ratio_mismatch"])
    assert result.scores["srm_p_value"] < 0.001
    assert analyse(table, request(share=1600 / 3600)).choice == "ship"


def test_the_split_is_found_wrong_by_chance_as_often_as_its_alpha_says():
    generator = np.random.default_rng(0)
    draws = generator.binomial(1000, 0.5, 2000)
    found = [compare.sample_ratio(Counts(1000 - b, b, 0, 0, "b"), 0.5) for b in draws.tolist()]
    assert 0.035 < np.mean(np.array(found) < 0.05) < 0.07
    assert np.mean(np.array(found) < 0.001) <= 0.003
    # 10,400 and 9,600 where halves were planned: chi-square is 32.
    assert compare.sample_ratio(Counts(10_400, 9_600, 0, 0, "b"), 0.5) == pytest.approx(
        1.54e-8, rel=0.01
    )


def test_units_in_both_arms_are_left_out_and_many_stop(tmp_path):
    table = experiment(tmp_path / "table", 1000, effect=0.5)
    rows = table.read()
    for number, code in ((3, "better"), (100, "units_in_both_arms")):
        users = np.arange(2000)
        users[1 : 2 * number : 2] = users[0 : 2 * number : 2]
        mixed = write(tmp_path / str(number), arm=rows["arm"], y=rows["y"], user=users)
        result = analyse(mixed, request(unit="user"))
        assert codes(result)[0] == code
        assert "units_in_both_arms" in codes(result)
        assert result.scores["units_in_both_arms"] == number
        assert result.scores["units_control"] == 1000 - number


def test_rows_without_an_arm_are_counted(tmp_path):
    table = experiment(tmp_path / "table", effect=0.5)
    arms = table.read()["arm"].to_pylist()
    arms[:2] = [None, None]
    gaps = write(tmp_path / "gaps", arm=arms, y=table.read()["y"])
    result = analyse(gaps, request())
    assert (result.choice, codes(result)) == ("ship", ["better", "rows_left_out"])


# Guardrails.


@pytest.mark.parametrize(
    ("slower", "choice", "code"),
    [(0.0, "ship", "better"), (60.0, "stop", "guardrail_harmed"), (10.0, "continue", "better")],
)
def test_a_guardrail_stops_harm_and_holds_back_what_is_not_shown(tmp_path, slower, choice, code):
    def latency(arms, generator):
        return generator.gamma(2, 10, len(arms)) + slower * (arms == "b")

    table = experiment(tmp_path / "table", effect=0.5, ms=latency)
    result = analyse(table, request(guardrails=LATENCY, time="day"))
    assert (result.choice, codes(result)[0]) == (choice, code)
    assert ("guardrail_open" in codes(result)) == (choice == "continue")
    assert result.scores["ms_p90_difference"] == pytest.approx(slower, abs=5)
    assert result.report.html().count("<svg") == 2


def test_a_canary_that_fails_is_stopped_by_few_events(tmp_path):
    failed = [0] * 300 + [1] * 60 + [0] * 240
    table = write(tmp_path / "table", arm=["a"] * 300 + ["b"] * 300, failed=failed)
    result = analyse(table, request(("failed", "proportion", "lower"), effect=0.05))
    assert (result.choice, codes(result)) == ("stop", ["harm"])
    none = write(tmp_path / "none", arm=["a"] * 300 + ["b"] * 300, failed=[0] * 600)
    result = analyse(none, request(("failed", "proportion", "lower"), effect=0.05))
    assert (result.choice, codes(result)) == ("continue", ["too_few_units"])


# Bad input.


def test_a_constant_metric_shows_nothing(tmp_path):
    table = write(tmp_path / "table", arm=["a", "b"] * 200, y=[7.0] * 400)
    result = analyse(table, request())
    assert (result.choice, codes(result)) == ("continue", ["constant_metric"])
    assert result.scores["difference"] == 0


@pytest.mark.parametrize(
    ("columns", "asked", "message"),
    [
        ({"arm": ["a", "a"]}, {}, r"`arm` must hold two labels.*\{'a': 2\}"),
        ({"arm": ["a", "c"]}, {"control": "b"}, "`arm` must hold two labels"),
        ({"arm": ["a", "b"], "y": [1.0, 2.0]}, {"control": "x"}, "Expected: 'x'"),
        ({"arm": pa.array([], pa.string())}, {}, r"`arm` must hold two labels.*\{\}"),
        ({"arm": ["a", "b"], "y": pa.array([None, None], pa.float64())}, {}, "must have values"),
        ({"arm": ["a", "b"], "y": [math.nan, math.inf]}, {}, "must have values"),
        ({"arm": ["a", "b"], "y": ["1", "2"]}, {}, "`metric` and the guardrails must be numbers"),
        ({"arm": ["a", "b"]}, {"unit": "user"}, "`unit` must name a column"),
        ({"arm": ["a", "b"]}, {"time": "arm"}, "`time` must name a column of dates"),
        ({"arm": ["a", "b"]}, {"metric": ("z", "mean", "higher")}, "`metric` must name a column"),
        ({"arm": ["a", "b"]}, {"guardrails": LATENCY}, "`guardrails` must name a column"),
        ({"arm": ["a", "b"]}, {"metric": ("y", "proportion", "higher")}, "must hold 0 and 1"),
        ({"arm": ["a", "b"], "y": [1.0, 2.0], "user": [1, 1]}, {"unit": "user"},
         "`table` must hold rows with an arm, a unit"),
    ],
)  # fmt: skip
def test_a_table_that_is_no_experiment_is_refused_by_name(tmp_path, columns, asked, message):
    rows = len(columns["arm"])
    columns = {"y": pa.array([3.0, 4.0][:rows], pa.float64())} | columns
    table = write(tmp_path / "table", **columns)
    with pytest.raises(InputError, match=message):
        analyse(table, request(**asked))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"effect": 0.0}, "`effect` must be above `min_effect`"),
        ({"min_effect": 0.5}, "`effect` must be above `min_effect`"),
        ({"min_effect": -0.1}, "`effect` must be above `min_effect`"),
        ({"effect": math.nan}, "`effect` must be above `min_effect`"),
        ({"share": 1.0}, "`treatment_share` must lie between"),
        ({"alpha": 0.0}, "`alpha` must lie between"),
        ({"power": 0.01}, "`power` must be above `alpha`"),
        ({"maximum": -1}, "`max_units` 0 or more"),
        ({"metric": ("y", "median", "higher")}, "`kind` must be"),
        ({"metric": ("y", "mean", "up")}, "`better` must be"),
        ({"aggregate": "first"}, "`aggregate` must be"),
        ({"guardrails": "guardrails: [{metric: ms, tolerance: 0}]"}, "`guardrails` must be YAML"),
        ({"guardrails": "guardrails: [{metric: y, tolerance: 1}]"}, "must name each metric once"),
        ({"metric": ("y", "p95", "lower")}, "`table` must be given"),
        ({"metric": ("y", "proportion", "higher"), "baseline": 0.9}, "`baseline` must be the"),
        ({"baseline": 0.0}, "`baseline` must be the standard deviation"),
    ],
)
def test_a_plan_that_is_none_is_refused_by_name(asked, message):
    with pytest.raises(InputError, match=message):
        logic.analyse("", request(**asked))


def test_the_same_table_gives_the_same_bytes(tmp_path):
    table = experiment(tmp_path / "table", 300, effect=0.1)
    first, second = (analyse(table, request(time="day")) for _ in range(2))
    assert first.report.html() == second.report.html()
    assert first.scores == second.scores
