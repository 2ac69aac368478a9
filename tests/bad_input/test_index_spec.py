"""A specification that cannot be used is refused with every fault at once, and the nearest name that exists."""

from __future__ import annotations

import copy
from typing import Any

import pandas as pd
import pytest

from evaluation.errors import BadInputError
from evaluation.index import (
    Element,
    Goalposts,
    IndexSpec,
    Level,
    Normalise,
    build_index,
    elements_from_table,
    spec_from_mapping,
)

GOOD: dict[str, Any] = {
    "label": "small",
    "unit_column": "region",
    "time_column": "year",
    "levels": [
        "indicator",
        {"name": "dimension", "minimum": {"share": 0.5}},
        {"name": "index", "aggregation": "geometric"},
    ],
    "elements": [
        {"code": "income", "parent": "welfare", "level": "indicator", "goalposts": [0, 10]},
        {
            "code": "poverty",
            "parent": "welfare",
            "level": "indicator",
            "direction": -1,
            "goalposts": {"low": 0, "high": 40, "date": "2024-01-01", "source": "plan"},
            "denominator": "people",
        },
        {"code": "school", "parent": "learning", "level": "indicator", "goalposts": [0, 15], "target": 12},
        {"code": "welfare", "parent": "overall", "level": "dimension", "weight": 2},
        {"code": "learning", "parent": "overall", "level": "dimension"},
        {"code": "overall", "level": "index"},
    ],
    "steps": {
        "denominate": {"scale": 100},
        "impute": {"method": "group_mean", "group": "island", "overrides": {"school": {"scope": "pooled"}}},
        "treat": {"method": "none"},
        "normalise": {"method": "goalposts"},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the good specification with one value changed, by a path of keys and positions."""
    mapping = copy.deepcopy(GOOD)
    place: Any = mapping
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in way:
        place = place[part]
    place[last] = value
    return mapping


def message_of(mapping: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        spec_from_mapping(mapping)
    return str(caught.value)


def test_a_good_specification_is_read_and_goes_round() -> None:
    spec = spec_from_mapping(GOOD)
    assert spec.by_code["poverty"].goalposts == Goalposts(0, 40, "2024-01-01", "plan")
    assert spec.impute is not None
    assert spec.rule(spec.impute, "school").scope == "pooled"
    assert spec.rule(spec.impute, "school").group == "island"
    assert spec.rule(spec.impute, "income").scope == "per_time"
    assert spec_from_mapping(spec.to_mapping()) == spec
    assert spec_from_mapping(spec.to_mapping()).to_mapping() == spec.to_mapping()


def test_the_hash_is_of_what_changes_scores_and_of_nothing_else() -> None:
    hashed = spec_from_mapping(GOOD).content_hash()
    assert spec_from_mapping(changed("label", "another")).content_hash() == hashed
    assert spec_from_mapping(changed("elements/0/name", "Income")).content_hash() == hashed
    assert spec_from_mapping(changed("elements/0/weight", 1.0)).content_hash() == hashed
    assert spec_from_mapping(changed("elements/0/weight", 1.5)).content_hash() != hashed
    treated = changed("steps/treat", {"method": "bounds", "bounds": [0, 9]})
    assert spec_from_mapping(treated).content_hash() != hashed
    assert spec_from_mapping(changed("levels/2/aggregation", "harmonic")).content_hash() != hashed


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("levles", 1, ["'levles' is unknown", "did you mean 'levels'"]),
        ("levels", ["indicator"], ["at least two levels"]),
        ("levels/0", {"name": "indicator", "aggregation": "geometric"}, ["has no 'aggregation'"]),
        ("levels/1/minimum/share", 50, ["not a share"]),
        ("levels/1/minimum/shared", 0.5, ["'shared' is unknown", "did you mean 'share'"]),
        ("levels/2/aggregation", "geometrical", ["'geometrical' is unknown", "did you mean 'geometric'"]),
        ("levels/2/aggregation", "power", []),
        ("levels/2/name", "dimension", ["stands 2 times"]),
        ("elements", {"income": 1}, ["a list is needed"]),
        ("elements/0/directoin", -1, ["'directoin' is unknown", "did you mean 'direction'"]),
        ("elements/0/direction", 0, ["direction 0 is unknown"]),
        ("elements/0/weight", "one", ["a finite number is needed; got: 'one'"]),
        ("elements/0/weight", -1, ["below zero"]),
        ("elements/0/weight", float("nan"), ["a finite number is needed"]),
        ("elements/0/code", "school", ["stands 2 times"]),
        ("elements/0/parent", "welfair", ["'welfair' is unknown", "did you mean 'welfare'"]),
        ("elements/0/parent", "overall", ["not on the next one, 'dimension'"]),
        ("elements/0/parent", None, ["has no parent", "below 'index'"]),
        ("elements/0/level", "indicatr", ["'indicatr' is unknown", "did you mean 'indicator'"]),
        ("elements/0/goalposts", [10, 0], ["must rise"]),
        ("elements/0/goalposts", {"low": 0}, ["'high' is absent"]),
        ("elements/0/goalposts", None, ["goalposts are absent"]),
        ("elements/0/transform", "log", ["log goalposts must be above zero"]),
        ("elements/0/transform", "ln", ["'ln' is unknown"]),
        ("elements/0/transform", "log1p", []),
        ("levels", [{}, "dimension", "index"], ["the indicators' level has no name"]),
        ("levels", 3, ["at least two levels"]),
        ("steps/impute/scope", "pooled", []),
        ("steps/impute", {"method": "last", "scope": "pooled"}, ["last has no use for 'scope'"]),
        ("steps/treat", {"method": "none", "skewness": 3}, ["none has no use for 'skewness'"]),
        (
            "steps/treat",
            {"method": "bounds", "bounds": [0, 9], "scope": "pooled"},
            ["has no use for 'scope'"],
        ),
        ("steps/treat", {"method": "winsorise", "fallback": "none", "log": "gii"}, ["has no use for 'log'"]),
        ("steps/treat", {"method": "winsorise", "fallback": "none", "skewness": 3}, []),
        ("steps/normalise/centre", 5, ["goalposts has no use for 'centre'"]),
        ("steps/normalise/scope", "per_time", ["goalposts has no use for 'scope'"]),
        (
            "steps/normalise",
            {"method": "goalposts", "overrides": {"school": {"method": "minmax", "scale": [0, 1]}}},
            ["normalise, override school: minmax has no use for 'scale'"],
        ),
        (
            "steps/normalise",
            {"score_range": [1, 10], "overrides": {"school": {"method": "rank"}}},
            [],
        ),
        ("steps/weight", {"method": "equal", "min_share": 0.2}, ["equal has no use for 'min_share'"]),
        ("steps/weight", {"levels": {"dimension": "pca"}, "min_share": 0.2}, []),
        ("elements/3/direction", -1, ["no direction of its own"]),
        ("elements/3/goalposts", [0, 1], ["an aggregate has no goalposts"]),
        ("elements/3/weight", 0, []),
        ("elements/2/weight", 0, ["sum to zero"]),
        ("elements/5/parent", "welfare", ["on the top level"]),
        ("steps/normalize", {}, ["'normalize' is unknown", "did you mean 'normalise'"]),
        ("steps/denominate", None, ["it has a denominator", "the step that uses it is absent"]),
        ("steps/denominate/scale", 0, ["scale is zero"]),
        ("elements/1/denominator", None, ["no element has a denominator"]),
        ("steps/screen", {"min_availability": 90}, ["between 0 and 1"]),
        ("steps/screen", {}, ["every least share is 0"]),
        ("steps/screen", {"by": "missing", "min_nonzero": 0.5}, ["write by: both"]),
        ("steps/screen", {"by": "zeros", "min_availability": 0.5}, ["write by: both"]),
        ("steps/impute/method", "knn", ["'knn' is unknown"]),
        ("steps/impute/method", "mean", ["mean has no group"]),
        ("steps/impute/group", None, ["group_mean needs a group"]),
        ("steps/impute/limit", 2, ["limit 2 with group_mean"]),
        ("steps/impute/within", "dimension", ["group_mean has no within"]),
        ("steps/impute", {"method": "em", "within": "dimensoin"}, ["did you mean 'dimension'"]),
        ("steps/impute/use_later", True, ["has no later values"]),
        ("steps/impute/use_later", "no", ["true or false is needed"]),
        ("steps/impute/overrides", {"schol": {"method": "mean"}}, ["'schol' is unknown", "'school'"]),
        ("steps/impute/overrides", {"school": {"overrides": {"income": {}}}}, ["an override has overrides"]),
        ("steps/impute/scope", "reference", ["no time is named"]),
        ("steps/impute/reference", [2019], ["the scope is 'per_time'"]),
        ("steps/treat", {"method": "winsorise"}, ["write fallback: none"]),
        ("steps/treat", {"method": "log"}, ["goalposts is in its own unit"]),
        ("steps/treat", {"method": "bounds"}, ["bounds and the method bounds go together"]),
        ("steps/treat", {"method": "bounds", "bounds": [5, 1]}, ["bounds must rise"]),
        ("steps/treat", {"method": "custom"}, ["a function and the method custom go together"]),
        ("steps/treat", {"method": "none", "max_points": 0}, ["max_points must be 1 or more"]),
        ("steps/treat", {"method": "none", "max_points": 2.5}, ["a whole number is needed"]),
        ("steps/normalise/score_range", [100, 1], ["score_range must rise"]),
        ("steps/normalise/score_range", [1, 50, 100], ["a list of 2 is needed"]),
        ("steps/normalise/score_range", [0, 100], ["a geometric mean needs scores above zero"]),
        ("steps/normalise/capped", False, ["a geometric mean needs scores above zero"]),
        ("steps/normalise/method", "zscore", ["a geometric mean needs scores above zero"]),
        (
            "steps/normalise",
            {"method": "minmax", "scope": "reference", "reference": [2019]},
            ["a geometric mean needs scores above zero"],
        ),
        ("steps/normalise", None, ["add the step normalise", "a geometric mean needs scores above zero"]),
        ("steps/normalise", {"method": "distance_to_target"}, ["the target is absent"]),
        ("steps/normalise", {"method": "distance_to_reference"}, ["a reference_unit"]),
        (
            "steps/normalise",
            {"method": "rank", "scope": "reference", "reference": [2019]},
            ["no reference times"],
        ),
        ("steps/weight", {"method": "pca", "levels": {"dimensions": "equal"}}, ["did you mean 'dimension'"]),
        ("steps/weight", {"method": "pca", "scope": "per_time"}, ["cannot differ from time to time"]),
        ("steps/weight", {"method": "pca", "components": 0}, ["components must be 1 or more"]),
        ("empty_aggregates", "refused", ["'refused' is unknown", "did you mean 'refuse'"]),
    ],
)
def test_each_thing_that_is_wrong(path: str, value: Any, parts: list[str]) -> None:
    mapping = changed(path, value)
    if not parts:
        assert spec_from_mapping(mapping)
        return
    message = message_of(mapping)
    for part in parts:
        assert part in message


def test_a_step_that_cannot_be_read_is_not_also_called_absent() -> None:
    message = message_of(changed("steps/normalise/method", "goalpost"))
    assert "did you mean 'goalposts'" in message
    assert message.startswith("1 fault found")


def test_every_fault_of_a_mapping_is_told_at_once_and_none_that_follows_from_another() -> None:
    mapping = changed("steps/normalise/method", "zscores")
    mapping["steps"]["impute"]["group"] = None
    mapping["elements"][0]["wieght"] = 2
    mapping["elements"][3]["parent"] = "overal"
    mapping["extra"] = 1
    message = message_of(mapping)
    for part in ("'zscore'", "group_mean needs a group", "'weight'", "'overall'", "'extra' is unknown"):
        assert part in message
    assert message.startswith("6 faults"), "the group is absent in the step and in what inherits from it"


@pytest.mark.parametrize("mapping", [None, [], "indicator", 3])
def test_what_is_no_mapping_is_refused(mapping: Any) -> None:
    assert "a mapping is needed" in message_of(mapping)


def test_records_written_in_python_are_checked_as_files_are() -> None:
    elements = (Element("a", "top", "indicator"), Element("top", None, "index"))
    with pytest.raises(BadInputError) as caught:
        IndexSpec(
            elements=elements,
            levels=(Level("index", aggregation="mean"),),  # type: ignore[arg-type]
            normalise=Normalise(method="min-max"),  # type: ignore[arg-type]
        )
    for part in ("'mean' is unknown", "'min-max' is unknown"):
        assert part in str(caught.value)


def test_copeland_and_what_goes_with_it() -> None:
    message = message_of(
        changed("levels/1", {"name": "dimension", "aggregation": "copeland", "minimum": {"share": 0.5}})
    )
    assert "copeland cannot have a minimum" in message
    assert "a geometric mean needs scores above zero" in message


def test_power_means_name_their_exponent() -> None:
    assert "exponent 0 is the geometric" in message_of(
        changed("levels/2", {"name": "index", "aggregation": "power", "power": 0})
    )
    assert "without the power mean" in message_of(
        changed("levels/2", {"name": "index", "aggregation": "arithmetic", "power": 2})
    )


def test_an_aggregate_without_elements_is_refused_or_missing_as_asked() -> None:
    mapping = copy.deepcopy(GOOD)
    mapping["elements"].append({"code": "safety", "parent": "overall", "level": "dimension"})
    assert "nothing is aggregated into it" in message_of(mapping)
    allowed = spec_from_mapping(
        mapping | {"empty_aggregates": "missing", "steps": {"normalise": {}, "denominate": {}}}
    )
    data = pd.DataFrame({"income": [5.0], "poverty": [1.0], "school": [7.0], "people": [2.0]}, index=["x"])
    result = build_index(data, allowed)
    assert result.scores["safety"].isna().all()
    assert result.coverage["overall"].tolist() == [0.75]


TABLE = pd.DataFrame(
    {
        "iCode": ["a", "b", "top", "island"],
        "Parent": ["top", "top", None, None],
        "Level": [1, 1, 2, None],
        "Direction": [1, -1, None, None],
        "Weight": [1, 2, None, None],
        "goalpost_low": [0, None, None, None],
        "goalpost_high": [10, None, None, None],
        "Type": ["Indicator", "Indicator", "Aggregate", "Group"],
    }
)


def test_elements_from_a_table_with_numbered_levels() -> None:
    elements = elements_from_table(TABLE, levels=("indicator", "index"))
    assert elements == (
        Element("a", "top", "indicator", goalposts=Goalposts(0.0, 10.0)),
        Element("b", "top", "indicator", direction=-1, weight=2.0),
        Element("top", None, "index"),
    )
    numbered = spec_from_mapping(
        {"levels": ["indicator", "index"], "steps": {"normalise": {"method": "minmax"}}},
        elements_from_table(TABLE),
    )
    assert numbered.elements == elements


def test_a_table_with_unknown_columns_types_and_values_is_refused_with_all_of_them() -> None:
    with pytest.raises(BadInputError) as caught:
        elements_from_table(TABLE.assign(Wieght=1, remark=""))
    assert "did you mean 'weight'" in str(caught.value)
    assert "'remark' is unknown" in str(caught.value)
    assert len(elements_from_table(TABLE.assign(remark=""), ignore=["remark"])) == 3
    with pytest.raises(BadInputError) as caught:
        elements_from_table(TABLE.assign(Type=["Indikator"] * 4, Weight=["much", 1, 1, 1]))
    for part in ("did you mean 'indicator'", "row 1 (a), weight", "field 'level' is absent"):
        assert part in str(caught.value)
    with pytest.raises(BadInputError, match="column 'parent' is absent"):
        elements_from_table(TABLE.drop(columns="Parent"))


def test_elements_in_the_file_and_in_a_table_are_one_too_many() -> None:
    with pytest.raises(BadInputError, match="keep one of the two"):
        spec_from_mapping(GOOD, elements_from_table(TABLE))


@pytest.mark.parametrize("method", ["none", "scaled"])
def test_a_transform_that_the_method_passes_over_is_refused(method: Any) -> None:
    elements = (Element("a", "top", "indicator", transform="log"), Element("top", None, "index"))
    with pytest.raises(BadInputError, match="takes values as they are"):
        IndexSpec(elements, (Level("index"),), normalise=Normalise(method=method))


@pytest.mark.parametrize("power", [200.0, -200.0])
def test_a_power_beyond_the_range_of_numbers_is_refused(power: float) -> None:
    elements = (Element("a", "top", "indicator"), Element("top", None, "index"))
    with pytest.raises(BadInputError, match="range of numbers"):
        IndexSpec(elements, (Level("index", "power", power=power, non_positive="checked"),))


def test_a_record_once_found_sound_does_not_hide_another_of_the_same_value() -> None:
    """True equals 1, but is no weight."""
    sound = (Element("a", "top", "indicator", weight=1), Element("top", None, "index"))
    assert IndexSpec(sound, (Level("index"),)) == IndexSpec(sound, (Level("index"),))
    with pytest.raises(BadInputError, match="a finite number is needed; got: True"):
        IndexSpec((Element("a", "top", "indicator", weight=True), sound[1]), (Level("index"),))


def test_without_its_only_denominated_indicator_a_specification_has_no_such_step() -> None:
    spec = spec_from_mapping(GOOD)
    assert spec.denominate is not None
    assert spec.without(["poverty"]).denominate is None
    assert spec.without(["school"]).denominate == spec.denominate
