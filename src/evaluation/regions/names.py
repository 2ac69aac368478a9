"""Names of regions and provinces to the registry: spellings, former names, and what cannot be told apart.

Belongs here: which region a name means, and which it may mean. Does not belong here: codes, or reading files.
A name is resolved only when exactly one region can be meant; likeness of spelling suggests and never decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

import pandas as pd
from rapidfuzz import fuzz, process

UnresolvedReason = Literal["unknown", "ambiguous", "other_province", "unknown_province"]
BareName = Literal["any", "kabupaten"]
"""What a name without its type means: any region of that name, or the kabupaten where there is one."""

LIKENESS = 75.0
"""Similarity (0-100, `rapidfuzz.fuzz.ratio`, without the type) from which a known name is offered as what may have been meant."""
OFFERED = 3
PREFIXES = (
    (re.compile(r"^(?:kabupaten|kab\b\.?)\s*(?:administrasi\b|adm\b\.?)?\s*"), "kabupaten "),
    (re.compile(r"^(?:kotamadya|kodya|kota)\b\.?\s*(?:administrasi\b|adm\b\.?)?\s*"), "kota "),
)
ISLANDS = re.compile(r"\bkep\b\.?")


@lru_cache(maxsize=20_000)
def name_key(name: str) -> str:
    """Return a spelling-independent key of a region's name that keeps kabupaten and kota apart.

    >>> name_key("Kab. Siau-Tagulandang") == name_key("KABUPATEN SIAU TAGULANDANG")
    True
    >>> name_key("Kota Adm. Jakarta Pusat") == name_key("Kota Jakarta Pusat")
    True
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold().strip()
    for prefix, word in PREFIXES:
        plain = prefix.sub(word, plain, count=1)
    return re.sub(r"[^a-z0-9]", "", ISLANDS.sub("kepulauan", plain))


def _bare_key(name: str) -> str:
    return re.sub(r"^(?:kabupaten|kota)", "", name_key(name))


@dataclass(frozen=True)
class UnresolvedName:
    """A name that means no region of the registry, or more than one.

    Parameters
    ----------
    position
        Place in the names that were asked for, from 0.
    name, province
        As written; the province is empty where none was given.
    reason
        ``unknown``; ``ambiguous``: several regions have the name; ``other_province``: the name is of a region
        elsewhere; ``unknown_province``.
    candidates
        Names of the regions that may be meant, never decided on.
    """

    position: int
    name: str
    province: str
    reason: UnresolvedReason
    candidates: tuple[str, ...]

    def __str__(self) -> str:
        """Return one sentence: what the name is not, and what may be meant."""
        there = f" in {self.province}" if self.province else ""
        offered = " or ".join(self.candidates)
        if self.reason == "ambiguous":
            return f"{self.name!r}{there} is the name of more than one region: {offered}"
        if self.reason == "other_province":
            return f"{self.name!r} stands under {self.province}, but {offered} is not there"
        perhaps = f"; perhaps {offered}" if offered else ""
        if self.reason == "unknown_province":
            return f"{self.province!r} is no province{perhaps}"
        return f"{self.name!r}{there} is no region{perhaps}"


@dataclass(frozen=True)
class Resolution:
    """What names mean.

    Parameters
    ----------
    codes
        Region code of each name, None where it is not resolved.
    unresolved
        Every name that is not, with its candidates.
    """

    codes: tuple[str | None, ...]
    unresolved: tuple[UnresolvedName, ...]


@dataclass(frozen=True)
class NameIndex:
    """All names by which regions and provinces are known.

    Parameters
    ----------
    regions
        region_code, name, former_name, province, province_2022, valid_from_year.
    aliases
        kind (``region`` or ``province``), stands_for (region code or name of a province), name.
    """

    regions: pd.DataFrame
    aliases: pd.DataFrame

    @cached_property
    def keys(self) -> dict[str, frozenset[str]]:
        """Region code to the keys of all its names: present, former, other spellings."""
        found: dict[str, set[str]] = defaultdict(set)
        for code, name, former in zip(
            self.regions["region_code"], self.regions["name"], self.regions["former_name"], strict=True
        ):
            found[code].update(name_key(one) for one in (name, *former.split(" / ")) if one)
        for code, name in self._aliases_of("region"):
            found[code].add(name_key(name))
        return {code: frozenset(keys) for code, keys in found.items()}

    @cached_property
    def display(self) -> dict[str, str]:
        """Region code to its present name."""
        return dict(zip(self.regions["region_code"], self.regions["name"], strict=True))

    @cached_property
    def provinces(self) -> dict[str, str]:
        """Key of a province's name, present or former, to the key it is compared by."""
        names = {*self.regions["province"], *self.regions.get("province_2022", ())}
        keys = {name_key(name): name_key(name) for name in names}
        keys.update({name_key(name): name_key(stands) for stands, name in self._aliases_of("province")})
        return keys

    @cached_property
    def provinces_of(self) -> dict[str, frozenset[str]]:
        """Region code to the keys of the provinces it is or was in."""
        later = self.regions.get("province_2022", self.regions["province"])
        return {
            code: frozenset(self.provinces[name_key(name)] for name in (before, after))
            for code, before, after in zip(
                self.regions["region_code"], self.regions["province"], later, strict=True
            )
        }

    @cached_property
    def _by_key(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for code, keys in self.keys.items():
            for key in keys:
                found[key].add(code)
        return {key: frozenset(codes) for key, codes in found.items()}

    def _aliases_of(self, kind: str) -> Iterable[tuple[str, str]]:
        chosen = self.aliases[self.aliases["kind"] == kind]
        return zip(chosen["stands_for"], chosen["name"], strict=True)

    def candidates(self, name: str, *, bare: BareName = "any") -> frozenset[str]:
        """Return the codes of all regions that a name may mean."""
        key = name_key(name)
        exact = self._by_key.get(key, frozenset())
        kabupaten = exact | self._by_key.get(f"kabupaten{key}", frozenset())
        cities = self._by_key.get(f"kota{key}", frozenset())
        if bare == "kabupaten":
            return kabupaten or cities
        return kabupaten | cities

    def resolve(
        self,
        names: Sequence[str],
        *,
        province: Sequence[str] | None = None,
        year: int | None = None,
        bare: BareName = "any",
    ) -> Resolution:
        """Resolve names; see `evaluation.regions.Registry.resolve`."""
        provinces = province if province is not None else [""] * len(names)
        answers: list[str | UnresolvedName] = []
        for position, (name, there) in enumerate(zip(names, provinces, strict=True)):
            question = (name, there, year, bare)
            if question not in self._answers:
                self._answers[question] = self._one(name, there, year=year, bare=bare)
            answer = self._answers[question]
            answers.append(
                replace(answer, position=position) if isinstance(answer, UnresolvedName) else answer
            )
        return Resolution(
            codes=tuple(None if isinstance(one, UnresolvedName) else one for one in answers),
            unresolved=tuple(one for one in answers if isinstance(one, UnresolvedName)),
        )

    @cached_property
    def _answers(self) -> dict[tuple[str, str, int | None, BareName], str | UnresolvedName]:
        return {}

    def _one(self, name: str, province: str, *, year: int | None, bare: BareName) -> str | UnresolvedName:
        def unresolved(reason: UnresolvedReason, candidates: Iterable[str]) -> UnresolvedName:
            return UnresolvedName(0, name, province, reason, tuple(sorted(candidates)))

        found = self.candidates(name, bare=bare)
        if province:
            key = self.provinces.get(name_key(province))
            if key is None:
                return unresolved("unknown_province", self._like(province, self._province_names))
            there = frozenset(code for code in found if key in self.provinces_of[code])
            if found and not there:
                return unresolved("other_province", map(self.display.__getitem__, found))
            found = there
        if len(found) > 1 and year is not None:
            found = self._existing(found, year) or found
        if len(found) > 1:
            return unresolved("ambiguous", map(self.display.__getitem__, found))
        if not found:
            return unresolved("unknown", self._like(name, self.display.values()))
        return next(iter(found))

    def _existing(self, codes: frozenset[str], year: int) -> frozenset[str]:
        return frozenset(code for code in codes if self._created.get(code, 0) <= year)

    @cached_property
    def _created(self) -> dict[str, int]:
        given = self.regions[self.regions["valid_from_year"] != ""]
        return dict(zip(given["region_code"], given["valid_from_year"].astype(int), strict=True))

    @cached_property
    def _province_names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.regions["province"], *self.regions.get("province_2022", ())}))

    def _like(self, name: str, known: Iterable[str]) -> list[str]:
        found = process.extract(
            name, list(known), scorer=fuzz.ratio, processor=_bare_key, limit=OFFERED, score_cutoff=LIKENESS
        )
        return [candidate for candidate, _, _ in found]
