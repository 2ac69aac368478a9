"""Regions, codes and joining years are those of the facts they were written from."""

from __future__ import annotations

import pandas as pd

from evaluation.regions import name_key
from evaluation.studies.audit import code_systems_differ
from evaluation.studies.project import Project

JOINED_FIRST = {2017: 26, 2018: 50, 2019: 23, 2021: 39, 2022: 24, 2023: 30, 2024: 10}


def test_514_regions_of_which_98_are_cities(project: Project) -> None:
    types = project.registry.table["type"].value_counts()
    assert types.to_dict() == {"kabupaten": 416, "kota": 98}


def test_kemendagri_codes_differ_for_199_regions_and_164_mean_another_one(project: Project) -> None:
    assert code_systems_differ(project.registry) == (199, 164)


def test_code_1405_means_two_regions(project: Project) -> None:
    codes = pd.Series(["1405"])
    assert project.registry.region_codes(codes, system="bps_2021").tolist() == ["1405"]
    assert project.registry.region_codes(codes, system="kemendagri").tolist() == ["1404"]


def test_the_17_regions_created_in_2012_to_2014_know_their_parents(project: Project) -> None:
    splits = project.registry.changes.query("kind == 'split'")
    assert len(splits) == 17
    assert set(splits["year"]) == {"2012", "2013", "2014"}
    assert len(project.registry.split_codes) == 32


def test_names_agree_by_their_own_and_former_spelling_and_keep_types_apart(project: Project) -> None:
    registry = project.registry
    assert registry.name_agrees("3273", "KOTA BANDUNG")
    assert registry.name_agrees("1277", "Kota Padangsidimpuan")
    assert registry.name_agrees("3204", "Kab. Bandung")
    assert not registry.name_agrees("3204", "Kota Bandung")
    assert name_key("Toli-Toli") == name_key("TOLITOLI")


def test_cohorts_hold_202_regions_with_their_first_year(project: Project) -> None:
    counts = project.programme.joined_by_year().set_index("joined")["n_regions"]
    assert counts.to_dict() == JOINED_FIRST
    cohorts = project.programme.cohorts.set_index("region_code")
    assert (cohorts["cohort"].dropna() == cohorts["joined"].dropna() + 1).all()
    assert cohorts.loc["3374", "joined"] == 2017
    assert cohorts.loc["3374", "joined_again"] == "2021"


def test_a_role_bars_a_region_from_being_a_control_and_not_from_being_treated(project: Project) -> None:
    cohorts = project.programme.cohorts.set_index("region_code")
    surakarta = cohorts.loc["3372"]
    assert surakarta["role"] == "exposure"
    assert surakarta["joined"] == 2018
    assert not surakarta["clean_control"]
    assert not cohorts.loc["1106", "clean_control"]
    assert not cohorts.loc[[code for code in cohorts.index if code.startswith("31")], "clean_control"].any()


def test_only_the_two_drop_outs_of_2017_did_not_finish(project: Project) -> None:
    cohorts = project.programme.cohorts
    assert sorted(cohorts.loc[~cohorts["finished"], "region_code"]) == ["3214", "6172"]


def test_every_tile_has_a_place_of_its_own(project: Project) -> None:
    places = project.registry.table[["col", "row"]]
    assert not places.duplicated().any()
