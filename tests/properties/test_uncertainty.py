"""What must hold for replications of any index: each is the index of its own specification, and ranks are fair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from evaluation.index import (
    Element,
    Goalposts,
    Impute,
    IndexSpec,
    Level,
    Minimum,
    Normalise,
    Screen,
    Weight,
    build_index,
)
from evaluation.index.factors import (
    Choice,
    Factor,
    FieldRange,
    GoalpostShift,
    LeaveOut,
    WeightDirichlet,
    WeightNoise,
    WeightSets,
)
from evaluation.index.fields import set_fields
from evaluation.index.rank_intervals import block_ranks, rank_frequency, rank_groups, summarise
from evaluation.index.ranking import TIE_DECIMALS
from evaluation.index.uncertainty import UncertaintyResult, uncertainty

RELATIVE = 1e-12
"""Means computed in another order, and logarithms kept from level to level."""

MOMENTS = 0.01
"""Four standard errors of a mean of 20,000 shares, rounded up."""

AGGREGATIONS = ("arithmetic", "geometric", "harmonic", "power", "copeland")


def tree(*, levels: tuple[Level, ...] | None = None, **steps: object) -> IndexSpec:
    """Seven indicators in four dimensions, one of them with an only indicator, in two pillars."""
    members = {"d1": ("a", "b", "c"), "d2": ("d",), "d3": ("e", "f"), "d4": ("g",)}
    leaves = [
        Element(
            code,
            parent,
            "indicator",
            weight=1.0 + place,
            direction=1 - 2 * (code in "bf"),
            goalposts=Goalposts(0, 100),
        )
        for parent, codes in members.items()
        for place, code in enumerate(codes)
    ]
    middle = [Element(code, "p1" if code in ("d1", "d2") else "p2", "dimension") for code in members]
    top = [
        Element("p1", "index", "pillar", weight=2.0),
        Element("p2", "index", "pillar"),
        Element("index", None, "index"),
    ]
    return IndexSpec(
        (*leaves, *middle, *top),
        levels or (Level("dimension"), Level("pillar", "geometric"), Level("index", "geometric")),
        normalise=Normalise(method="goalposts"),
        **steps,  # type: ignore[arg-type]
    )


def numbers(n: int, *, seed: int = 0, missing: float = 0.0, codes: str = "abcdefg") -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    cells = rng.uniform(-5, 105, (n, 1)) * 0.6 + rng.uniform(-5, 105, (n, len(codes))) * 0.4
    cells[rng.random(cells.shape) < missing] = np.nan
    return pd.DataFrame(
        cells, columns=list(codes), index=pd.Index([f"u{place:03d}" for place in range(n)], name="unit")
    )


def panel(n: int, years: tuple[int, ...], **options: float) -> pd.DataFrame:
    frames = {year: numbers(n, seed=year, **options) for year in years}  # type: ignore[arg-type]
    return pd.concat(frames, names=["time"]).swaplevel().sort_index()


def means_of(aggregation: str, *, levels: tuple[str, ...] = ("pillar", "index")) -> dict[str, object]:
    edits: dict[str, object] = {f"levels.{level}.aggregation": aggregation for level in levels}
    if aggregation == "power":
        edits |= {f"levels.{level}.power": 2.5 for level in levels}
    return edits


def specification_of(result: UncertaintyResult, place: int) -> IndexSpec:
    """The specification of one replication, from what was drawn; weights and goalposts written into it."""
    drawn, spec = result.draws.iloc[place], result.spec
    edits: dict[str, object] = {}
    left_out: tuple[str, ...] = ()
    for factor in result.factors:
        if isinstance(factor, Choice):
            edits |= factor.options[drawn[factor.name]]
        elif isinstance(factor, FieldRange):
            edits[factor.path] = drawn[factor.name]
        elif isinstance(factor, LeaveOut):
            code = drawn[factor.name]
            left_out = tuple(leaf.code for leaf in spec.leaves(code)) if code else ()
        elif isinstance(factor, WeightNoise):
            for code in factor.weighted(spec):
                edits[f"elements.{code}.weight"] = spec.by_code[code].weight * drawn[f"{factor.name}:{code}"]
        elif isinstance(factor, WeightDirichlet):
            for code in factor.weighted(spec):
                edits[f"elements.{code}.weight"] = drawn[f"{factor.name}:{code}"]
        elif isinstance(factor, WeightSets):
            row = factor.sets.loc[drawn[factor.name]]
            edits |= {f"elements.{code}.weight": float(row[code]) for code in factor.sets}
        else:
            for code, end in factor.shifted(spec):
                posts = spec.by_code[code].goalposts
                assert posts is not None
                shift = (posts.high - posts.low) * drawn[f"{factor.name}:{code}:{end}"]
                edits[f"elements.{code}.goalposts.{end}"] = getattr(posts, end) + shift
    return set_fields(spec, edits).without(left_out)


def assert_each_replication_is_its_index(
    values: pd.DataFrame, spec: IndexSpec, factors: list[Factor], *, n: int = 6
) -> None:
    result = uncertainty(values, spec, factors, n=n, seed=3, codes=("index", "p1", "p2"))
    for place in range(n):
        built = build_index(values, specification_of(result, place))
        for code in result.codes:
            scores = built.scores[code] if code in built.scores else pd.Series(np.nan, index=built.units)
            expected = scores.reindex(values.index).to_numpy()
            np.testing.assert_allclose(result.scores[code][place], expected, rtol=RELATIVE, atol=RELATIVE)
            ranks = rankdata(-expected[~np.isnan(expected)].round(9), method="min")
            assert result.ranks[code][place][~np.isnan(expected)].tolist() == ranks.tolist()
            assert (result.ranks[code][place][np.isnan(expected)] == 0).all()


EVERYTHING: dict[str, list[Factor]] = {
    "noise on all weights": [WeightNoise(spread=0.4)],
    "Dirichlet weights of pillars": [WeightDirichlet(concentration=5, levels=("pillar", "dimension"))],
    "given weights": [
        WeightSets(
            sets=pd.DataFrame(
                {"p1": [1.0, 0.0, 2.0], "p2": [1.0, 3.0, 1.0]}, index=["even", "second", "first"]
            )
        )
    ],
    "means": [
        WeightNoise(spread=0.2),
        Choice(name="mean", options={one: means_of(one) for one in AGGREGATIONS}),
        Choice(
            name="within",
            options={one: means_of(one, levels=("dimension",)) for one in ("arithmetic", "harmonic")},
        ),
    ],
    "normalisation": [
        Choice(
            name="scale",
            options={
                "goalposts": {},
                "min-max": {"normalise": Normalise(method="minmax", score_range=(1.0, 50.0))},
                "ranks": {"normalise.method": "rank"},
            },
        ),
        WeightNoise(spread=0.2, levels=("indicator",)),
    ],
    "imputation": [
        Choice(
            name="fill",
            options={
                "none": {},
                "mean": {"impute": Impute(method="mean")},
                "median, not counted": {
                    "impute": Impute(method="median"),
                    "levels.dimension.minimum": Minimum(share=0.6, counts_imputed=False),
                },
            },
        )
    ],
    "left out": [LeaveOut(), WeightNoise(spread=0.3)],
    "a dimension left out": [LeaveOut(codes=("d1", "d2", "p2"), or_nothing=False)],
    "goalposts": [GoalpostShift(spread=0.2), WeightNoise(spread=0.1, levels=("dimension",))],
    "one goalpost of one indicator": [GoalpostShift(spread=0.3, codes=("b",), ends="low")],
    "a range": [FieldRange(path="levels.dimension.minimum.share", low=0.1, high=0.9)],
}


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_each_replication_is_the_index_of_its_own_specification(name: str, missing: float) -> None:
    spec = tree(screen=Screen(min_availability=0.3))
    assert_each_replication_is_its_index(numbers(30, missing=missing), spec, EVERYTHING[name])


@pytest.mark.parametrize("name", ["means", "normalisation", "left out", "goalposts"])
def test_each_replication_is_the_index_of_its_own_specification_on_a_panel(name: str) -> None:
    values = panel(12, (2019, 2020, 2021), missing=0.1)
    spec = tree()
    result = uncertainty(values, spec, EVERYTHING[name], n=8, seed=3)
    for place in range(result.n):
        built = build_index(values, specification_of(result, place))
        np.testing.assert_allclose(
            result.scores["index"][place], built.scores["index"], rtol=RELATIVE, atol=RELATIVE
        )
        expected = built.scores.round(9)["index"].groupby(level="time").rank(ascending=False, method="min")
        assert (result.ranks["index"][place] == expected.fillna(0)).all()


def test_weights_by_principal_components_are_taken_anew_and_then_varied() -> None:
    values = numbers(40)
    spec = tree(weight=Weight(method="manual", levels={"indicator": "pca"}, components=1))
    factors: list[Factor] = [
        Choice(name="weights_by", options={"pca": {}, "equal": {"weight": Weight(method="equal")}}),
        LeaveOut(codes=("a",)),
    ]
    result = uncertainty(values, spec, factors, n=8, seed=1)
    for place in range(result.n):
        built = build_index(values, specification_of(result, place))
        np.testing.assert_allclose(result.scores["index"][place], built.scores["index"], rtol=RELATIVE)


def test_weights_by_principal_components_follow_the_means_below_them() -> None:
    """Three dimensions: of two, both always weigh the same."""
    parents = dict(zip("abcdef", ("d1", "d1", "d2", "d2", "d3", "d3"), strict=True))
    leaves = [
        Element(code, parent, "indicator", goalposts=Goalposts(-10, 110)) for code, parent in parents.items()
    ]
    middle = [Element(code, "index", "dimension") for code in ("d1", "d2", "d3")]
    spec = IndexSpec(
        (*leaves, *middle, Element("index", None, "index")),
        (Level("dimension"), Level("index")),
        normalise=Normalise(),
        weight=Weight(levels={"dimension": "pca"}, components=1),
    )
    means = {one: means_of(one, levels=("dimension",)) for one in ("arithmetic", "harmonic")}
    result = uncertainty(numbers(40), spec, [Choice(name="within", options=means)], n=6, seed=1)
    assert result.draws["within"].nunique() == 2
    for place in range(result.n):
        built = build_index(numbers(40), specification_of(result, place))
        np.testing.assert_allclose(result.scores["index"][place], built.scores["index"], rtol=RELATIVE)


def test_log_goalposts_move_on_the_scale_of_logarithms() -> None:
    spec = tree()
    first = replace(spec.elements[0], goalposts=Goalposts(1.0, 100.0), transform="log")
    spec = replace(spec, elements=(first, *spec.elements[1:]))
    values = numbers(20).clip(lower=-1)
    result = uncertainty(values, spec, [GoalpostShift(spread=0.2, codes=("a",))], n=5, seed=2)
    for place, drawn in result.draws.iterrows():
        low, high = 100 ** drawn["goalposts:a:low"], 100 * 100 ** drawn["goalposts:a:high"]
        moved = set_fields(spec, {"elements.a.goalposts.low": low, "elements.a.goalposts.high": high})
        np.testing.assert_allclose(
            result.scores["index"][place], build_index(values, moved).scores["index"], rtol=RELATIVE
        )


def test_coverage_is_judged_at_nominal_weights_whatever_is_drawn() -> None:
    """Half of a dimension's weight is there; were drawn weights asked, every second draw would say too little."""
    spec = tree(levels=(Level("dimension", minimum=Minimum(share=0.5)), Level("pillar"), Level("index")))
    spec = set_fields(spec, {"elements.f.weight": 1.0})
    values = numbers(6)
    values.loc[:, "f"] = np.nan
    result = uncertainty(values, spec, [WeightNoise(spread=0.9, levels=("indicator",))], n=50, codes=("p2",))
    assert (result.tidy()["share_ranked"] == 1).all()


@pytest.mark.parametrize("factor", [WeightNoise(spread=0.0), GoalpostShift(spread=0.0)])
def test_what_does_not_vary_gives_intervals_of_no_width_at_the_rank_as_specified(factor: Factor) -> None:
    table = uncertainty(numbers(50, missing=0.1), tree(), [factor], n=20).tidy().dropna(subset=["rank"])
    for column in ("rank_low", "rank_median", "rank_high", "rank_mean"):
        assert (table[column] == table["rank"]).all()
    np.testing.assert_allclose(table["score_low"], table["score_high"], rtol=RELATIVE)
    np.testing.assert_allclose(table["score_mean"], table["score"], rtol=RELATIVE)


def test_an_indicator_left_out_is_as_if_it_had_never_been_there() -> None:
    values, spec = numbers(40, missing=0.2), tree(impute=Impute(method="row_mean"))
    without = uncertainty(values.drop(columns="e"), spec.without(["e"]), [WeightNoise(spread=0.0)], n=1)
    left_out = uncertainty(values, spec, [LeaveOut(codes=("e",), or_nothing=False)], n=3)
    for place in range(3):
        assert left_out.scores["index"][place].tobytes() == without.scores["index"][0].tobytes()
        assert left_out.ranks["index"][place].tobytes() == without.ranks["index"][0].tobytes()


MIXED: list[Factor] = [
    WeightNoise(spread=0.3),
    Choice(
        name="mean", options={"geometric": {}, "arithmetic": means_of("arithmetic")}, probabilities=(0.7, 0.3)
    ),
    LeaveOut(codes=("a", "d")),
    GoalpostShift(spread=0.1),
]


def test_the_order_of_units_does_not_change_a_bit() -> None:
    values = numbers(101, missing=0.1)
    turned = values.sample(frac=1, random_state=1)
    straight = uncertainty(values, tree(), MIXED, n=40, seed=5)
    shuffled = uncertainty(turned, tree(), MIXED, n=40, seed=5)
    places = turned.index.get_indexer(values.index)
    assert straight.scores["index"].tobytes() == shuffled.scores["index"][:, places].tobytes()
    assert straight.ranks["index"].tobytes() == shuffled.ranks["index"][:, places].tobytes()


@pytest.mark.parametrize("block", [1, 2, 7, 16])
def test_the_size_of_a_block_does_not_change_a_bit(block: int) -> None:
    values = numbers(33, missing=0.15)
    usual = uncertainty(values, tree(), MIXED, n=60, seed=5)
    other = uncertainty(values, tree(), MIXED, n=60, seed=5, block=block)
    assert usual.scores["index"].tobytes() == other.scores["index"].tobytes()
    assert usual.ranks["index"].tobytes() == other.ranks["index"].tobytes()
    pd.testing.assert_frame_equal(usual.tidy(), other.tidy(), check_exact=True)


def test_the_same_seed_gives_the_same_bytes_another_seed_another_draw_and_draws_can_be_given_again() -> None:
    values = numbers(20)
    first, again, other = (uncertainty(values, tree(), MIXED, n=30, seed=seed) for seed in (1, 1, 2))
    given_again = uncertainty(values, tree(), MIXED, draws=first.draws)
    assert first.scores["index"].tobytes() == again.scores["index"].tobytes()
    assert first.scores["index"].tobytes() == given_again.scores["index"].tobytes()
    assert not np.allclose(first.scores["index"], other.scores["index"])
    assert (first.draws["mean"] != other.draws["mean"]).any()


def test_fewer_replications_are_the_first_ones_of_more() -> None:
    values = numbers(20)
    few, many = (uncertainty(values, tree(), MIXED, n=n, seed=1) for n in (10, 30))
    assert few.scores["index"].tobytes() == many.scores["index"][:10].tobytes()


def test_units_with_equal_values_always_share_a_rank() -> None:
    values = numbers(57)
    twins = pd.concat([values, values.set_axis([f"twin of {unit}" for unit in values.index])])
    ranks = uncertainty(twins, tree(), MIXED, n=60).ranks["index"]
    assert (ranks[:, :57] == ranks[:, 57:]).all()


def test_a_missing_score_stays_missing_and_takes_no_rank() -> None:
    values = numbers(12)
    values.iloc[4] = np.nan
    result = uncertainty(values, tree(), MIXED, n=25)
    row = result.tidy().iloc[4]
    assert row[["score", "rank", "rank_low", "rank_median", "rank_high", "score_low"]].isna().all()
    assert row["share_ranked"] == 0
    assert result.ranks["index"].max() == 11
    assert (result.tidy()["n_ranked"] == 11).all()
    assert result.rank_frequency().iloc[4].sum() == 0


def test_years_are_ranked_apart_and_goalposts_make_each_the_index_of_its_own_year() -> None:
    values = panel(15, (2020, 2021))
    whole = uncertainty(values, tree(), MIXED, n=20, seed=4)
    pooled = uncertainty(values, tree(), MIXED, n=20, seed=4, rank_within="all")
    for year in (2020, 2021):
        own = values.xs(year, level="time")
        alone = uncertainty(own, tree(), MIXED, n=20, seed=4)
        rows = values.index.get_level_values("time") == year
        assert whole.ranks["index"][:, rows].tobytes() == alone.ranks["index"].tobytes()
    assert pooled.ranks["index"].max() == 30
    assert whole.ranks["index"].max() == 15


def test_units_are_ranked_among_those_of_like_composition_or_of_their_group() -> None:
    values = numbers(20)
    values.loc[values.index[:6], "d"] = np.nan
    like = uncertainty(values, tree(), MIXED, n=10, groups="composition", codes=("p1",))
    assert (like.tidy()["n_ranked"] == [6] * 6 + [14] * 14).all()
    groups = pd.Series(["west"] * 5 + ["east"] * 14, index=values.index[:19])
    result = uncertainty(values, tree(), MIXED, n=10, groups=groups)
    assert result.tidy()["n_ranked"].tolist() == [5] * 5 + [14] * 14 + [0]
    assert (result.ranks["index"][:, 19] == 0).all()
    west = uncertainty(values.iloc[:5], tree(), MIXED, n=10)
    assert (result.ranks["index"][:, :5] == west.ranks["index"]).all()


def test_scores_need_not_be_kept_for_ranks() -> None:
    values = numbers(20)
    kept, bare = (uncertainty(values, tree(), MIXED, n=30, keep_scores=keep) for keep in (True, False))
    columns = ["rank", "rank_median", "rank_low", "rank_high", "rank_mean"]
    pd.testing.assert_frame_equal(kept.tidy()[columns], bare.tidy()[columns])
    assert bare.tidy()["score_low"].isna().all()
    assert not bare.scores


def test_dirichlet_shares_have_the_mean_and_spread_that_the_concentration_says() -> None:
    factor = WeightDirichlet(concentration=7, levels=("pillar",))
    uniforms = np.random.default_rng(1).random((20_000, 2))
    drawn = factor.settings(uniforms, tree(), {"p1": 2.0, "p2": 1.0}) / 3.0
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    np.testing.assert_allclose(drawn.mean(axis=0), [2 / 3, 1 / 3], atol=MOMENTS)
    np.testing.assert_allclose(drawn.std(axis=0), np.sqrt(2 / 9 / 8), atol=MOMENTS)


def test_probabilities_decide_how_often_an_option_is_drawn() -> None:
    draws = uncertainty(numbers(5), tree(), MIXED, n=20_000, keep_scores=False).draws
    assert draws["mean"].eq("geometric").mean() == pytest.approx(0.7, abs=0.015)
    np.testing.assert_allclose(draws["left_out"].value_counts(normalize=True), 1 / 3, atol=0.015)


SCORES = st.lists(
    st.one_of(st.sampled_from([1.0, 2.0, 2.0, -3.0, np.nan]), st.floats(-5, 5)), min_size=4, max_size=40
)


@given(scores=SCORES, n_groups=st.integers(1, 3), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_ranks_of_a_block_are_competition_ranks_within_each_group(
    scores: list[float], n_groups: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    block = np.array([rng.permutation(scores) for _ in range(3)])
    labels = rng.integers(-1, n_groups, len(scores))
    ranks = block_ranks(block, rank_groups(labels))
    for row, found in zip(block, ranks, strict=True):
        expected = (
            pd.Series(row)
            .round(TIE_DECIMALS)
            .groupby(labels)
            .rank(ascending=False, method="min")
            .fillna(0)
            .to_numpy()
        )
        assert found.tolist() == np.where(labels < 0, 0, expected).tolist()


@given(n=st.integers(1, 40), share=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_summaries_are_those_of_the_replications_that_have_a_value(n: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, 19))
    scores[rng.random(scores.shape) < share] = np.nan
    ranks = np.where(np.isnan(scores), 0, rng.integers(1, 30, scores.shape)).astype(np.int16)
    for drawn, cells in ((scores, scores), (ranks, np.where(ranks == 0, np.nan, ranks))):
        found, frame = summarise(drawn, (0.05, 0.5, 0.95)), pd.DataFrame(cells)
        np.testing.assert_allclose(
            found.quantiles, frame.quantile([0.05, 0.5, 0.95]).T, rtol=RELATIVE, atol=RELATIVE
        )
        np.testing.assert_allclose(found.mean, frame.mean(), rtol=RELATIVE, atol=RELATIVE)
        np.testing.assert_allclose(found.share_present, frame.notna().mean())
    counts = rank_frequency(ranks, largest=30)
    assert all((counts[:, rank - 1] == (ranks == rank).sum(axis=0)).all() for rank in range(1, 31))


def test_the_chart_names_every_unit_and_its_interval() -> None:
    result = uncertainty(numbers(8), tree(), MIXED, n=20)
    chart = result.plot(names={"u003": "Kota Bontang"}, title="Ranks")
    row = result.tidy().set_index("unit").loc["u003"]
    assert "Kota Bontang" in chart.html
    assert f"{row['rank_low']:g}–{row['rank_high']:g}" in chart.html
    assert chart.html.count('class="interval"') == 8


def test_noise_is_on_top_of_drawn_weights_in_whatever_order_they_are_named() -> None:
    drawn, noise = WeightDirichlet(concentration=8, name="drawn"), WeightNoise(spread=0.5, name="noise")
    first = uncertainty(numbers(15), tree(), [drawn, noise], n=20, seed=4)
    second = uncertainty(numbers(15), tree(), [noise, drawn], draws=first.draws)
    assert (first.scores["index"] == second.scores["index"]).all()
    alone = uncertainty(numbers(15), tree(), [drawn], draws=first.draws)
    assert (alone.scores["index"] != second.scores["index"]).any()


def test_levels_that_vary_alone_share_who_has_a_score_and_what_moves() -> None:
    """Variants of the same steps are prepared once; each replication is still the index of its specification."""
    factors: list[Factor] = [
        Choice(name="mean", options={one: means_of(one) for one in ("geometric", "arithmetic", "copeland")}),
        Choice(name="least", options={"one": {}, "two": {"levels.pillar.minimum.count": 2}}),
        GoalpostShift(spread=0.2, codes=("b", "d"), ends="high"),
        LeaveOut(codes=("a", "g")),
    ]
    assert_each_replication_is_its_index(numbers(25, missing=0.3), tree(), factors[1:], n=24)
    spec = tree(levels=(Level("dimension"), Level("pillar"), Level("index")))
    assert_each_replication_is_its_index(numbers(25, missing=0.3), spec, [factors[0], *factors[2:]], n=24)


def test_the_table_holds_the_quantiles_of_the_replications_under_their_names() -> None:
    result = uncertainty(numbers(12), tree(), [WeightNoise(spread=0.5)], n=101, seed=2, interval=(0.1, 0.8))
    table = result.tidy()
    for what, drawn in (("score", result.scores["index"]), ("rank", result.ranks["index"])):
        for name, share in (("low", 0.1), ("median", 0.5), ("high", 0.8)):
            np.testing.assert_allclose(
                table[f"{what}_{name}"], np.quantile(drawn, share, axis=0), rtol=RELATIVE
            )
        np.testing.assert_allclose(table[f"{what}_mean"], drawn.mean(axis=0), rtol=RELATIVE)
