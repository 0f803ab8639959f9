"""`clean.pairs`: which documents repeat each other, in the same words or nearly, and how similar. Nothing is removed here.

Every document is signed (MinHash); documents of the same words make one; those that share a band of their signatures are
candidates; of candidates the sets of shingles are compared, and what is similar in truth is written down. Then the pairs within
each cluster that no band has shown are compared too, so that whoever is chosen to stay, the others are known to be near it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean import candidates, verify
from danlu.clean.candidates import NOBODY, Packed, band_name, unpack
from danlu.clean.clusters import labels, within
from danlu.clean.parts import (
    Part,
    each_group,
    each_part,
    join_parquet,
    parts_of,
    row_groups,
    scratch_of,
    set_aside,
    write_parquet,
    write_scratch,
)
from danlu.clean.verify import Source
from danlu.compute.units import Crew, Unit
from danlu.recipe.clean import CleanConfig, DedupConfig
from danlu.text.shingles import Scheme, sign_texts
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json, write_json
from danlu.workspace.run import Run

EXACT, NEAR = "exact", "near"
ROWS = 100_000  # pairs written together
STEPS = 50  # bars of the histogram of similarities
PAIRS: pa.Schema = pa.schema(
    [
        pa.field("first", pa.string(), nullable=False),  # the longer document, or the one of an earlier cleaning
        pa.field("second", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # exact: the same words in the same order; near
        pa.field("similarity", pa.float32(), nullable=False),  # Jaccard, of the sets of shingles
        pa.field("shared", pa.int64(), nullable=False),  # shingles of both
        pa.field("first_shingles", pa.int64(), nullable=False),  # distinct ones
        pa.field("second_shingles", pa.int64(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),  # the first document of all that hang together
        pa.field("earlier", pa.bool_(), nullable=False),  # whether `first` is of an earlier cleaning
    ]
)


def scheme_of(config: DedupConfig) -> Scheme:
    bands, rows = config.shape
    return Scheme(config.words, config.letters, bands, rows)


def signatures_schema(bands: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("part", pa.string(), nullable=False),  # documents or holdout
            pa.field("bytes", pa.int64(), nullable=False),
            pa.field("shingles", pa.int64(), nullable=False),  # copies included; 0: no words
            pa.field("words_high", pa.uint64(), nullable=False),  # hash of the words in their order
            pa.field("words_low", pa.uint64(), nullable=False),
            *(pa.field(band_name(band), pa.uint64(), nullable=False) for band in range(bands)),
        ]
    )


class Documents(NamedTuple):
    """All documents with signatures, those of earlier cleanings at the end. Row: in the order of the files. Rank: earlier ones
    first, then the longer, then by id, so that ranks do not depend on the order of parts."""

    ids: pa.ChunkedArray
    shingles: NDArray[np.int64]  # [rows]
    order: NDArray[np.int64]  # [ranks], the row of each rank
    copies: NDArray[np.int64]  # [ranks], the least rank of the same words
    known: int  # documents of earlier cleanings: the first ranks

    def names(self, ranks: NDArray[np.int64]) -> pa.ChunkedArray:
        return self.ids.take(pa.array(self.order[ranks]))


def pairs(
    documents: Artifact,
    cleaned: Mapping[str, Artifact],
    signed: Mapping[str, Artifact],
    *,
    config: CleanConfig,
    run: Run,
) -> None:
    """Sign all documents; write `signatures.parquet`, `pairs.parquet` and `facts.json`.

    `cleaned` are earlier cleanings (`clean.decide`) by name, `signed` the signatures that they were made with: their documents
    take part as ones that stay. Nothing of them is signed again.
    """
    scheme, budget = scheme_of(config.dedup), min(config.dedup.memory, run.memory_bytes // 2)
    parts = parts_of(documents)
    with run.progress.task("clean.progress.pairs", 2 * sum(part.bytes for part in parts), "B") as bar, Crew(run) as crew:
        done, lost = each_part(crew, "danlu.clean.pairs:sign_part", parts, lambda part: (scheme,), bar, "sign/")
        files, sources = _gather(list(done), cleaned, signed, scheme, run)
        found = _read(files, run)
        search = _Search(run, crew, config.dedup, scheme, files, sources, found, budget)
        candidates_found = search.candidates()
        near = search.verified("candidates", bar)
        near = search.completed(near)
    rows = _write(run.output / "pairs.parquet", found, near)
    set_aside_facts = set_aside(run, lost)
    write_json(
        run.output / "facts.json",
        {
            "documents": len(found.order) - found.known,
            "earlier": found.known,
            "scheme": asdict(scheme),
            "floor": config.dedup.floor,
            "copies": int(np.count_nonzero((found.copies != np.arange(len(found.copies)))[found.known :])),
            "candidates": candidates_found,
            "near": len(near.packed),
            "similarities": np.histogram(near.similarity, STEPS, (0, 1))[0].tolist(),
            **set_aside_facts,
        },
    )
    run.counts.update({"documents": len(found.order) - found.known, "pairs": rows})


def sign_part(run: Run, part: Part, scheme: Scheme) -> int:
    """The unit of work: the signatures of a part, in scratch; how many."""

    def signatures(table: pa.Table) -> pa.Table:
        signed = sign_texts(table["text"], scheme)
        columns = [
            table["id"], pa.array([part.set] * table.num_rows), pc.binary_length(table["text"]).cast(pa.int64()),
            signed.shingles, signed.whole[:, 0], signed.whole[:, 1], *signed.bands.T,
        ]  # fmt: skip
        return pa.table([pa.array(c) if isinstance(c, np.ndarray) else c for c in columns], schema=schema)

    schema = signatures_schema(scheme.bands)
    made = each_group(run, part.path, signatures, ["id", "text"])
    return write_scratch(scratch_of(run, part, "signatures"), (table for table, _ in made), schema)


def _gather(
    parts: Sequence[Part], cleaned: Mapping[str, Artifact], signed: Mapping[str, Artifact], scheme: Scheme, run: Run
) -> tuple[list[Path], list[Source]]:
    """The files of all signatures and the parts that their texts lie in, those of earlier cleanings at the end."""
    schema = signatures_schema(scheme.bands)
    files = [run.output / "signatures.parquet"]
    join_parquet(files[0], (scratch_of(run, part, "signatures") for part in parts), schema)
    sources, start = [], 0
    for part in parts:
        sources.append(Source(f"{part.set}-{part.path.stem}", part, start))
        start += part.documents
    for name, cleaning in sorted(cleaned.items()):
        theirs = [part for part in parts_of(cleaning) if part.set == "documents"]
        path = run.scratch / f"signatures-{name}.parquet"
        kept = run.once(f"earlier/{name}", partial(_write_earlier, path, signed[name], theirs, scheme))
        if kept != sum(part.documents for part in theirs):
            raise DanluError("clean.other-signatures", where=str(signed[name].path), name=name)
        files.append(path)
        for part in theirs:
            sources.append(Source(f"{name}-{part.path.stem}", part, start))
            start += part.documents
    return files, sources


def _write_earlier(path: Path, signed: Artifact, parts: Sequence[Part], scheme: Scheme) -> int:
    """Of the signatures of an earlier cleaning those of the documents that it kept, in their order; how many."""
    kept = pa.chunked_array([pq.read_table(part.path, columns=["id"])["id"] for part in parts] or [[]], pa.string())
    if read_json(signed / "facts.json")["scheme"] != asdict(scheme):
        raise DanluError("clean.other-signatures", where=str(signed.path), name=signed.path.name)
    chosen = (table.filter(pc.is_in(table["id"], value_set=kept)) for table in row_groups(signed / "signatures.parquet"))
    own = (table.filter(pc.equal(table["part"], "documents")) for table in chosen)
    return write_parquet(path, own, signatures_schema(scheme.bands))


def _read(files: Sequence[Path], run: Run) -> Documents:
    """Rank all documents and find those of the same words; the ranks to look for go to scratch, for the workers."""
    names = ["id", "bytes", "shingles", "words_high", "words_low"]
    tables = [pq.read_table(path, columns=names) for path in files]
    table, own = pa.concat_tables(tables), tables[0].num_rows
    new = np.arange(table.num_rows) < own
    keys = pa.table({"new": new, "bytes": table["bytes"], "id": table["id"]})
    order = (
        pc.sort_indices(keys, [("new", "ascending"), ("bytes", "descending"), ("id", "ascending")]).to_numpy().astype(np.int64)
    )
    shingles = table["shingles"].to_numpy()
    copies = _copies(table["words_high"].to_numpy()[order], table["words_low"].to_numpy()[order], shingles[order] > 0)
    ranks = np.full(len(order), NOBODY, np.uint32)
    alone = (copies == np.arange(len(copies))) & (shingles[order] > 0)
    ranks[order[alone]] = np.flatnonzero(alone)
    np.save(run.scratch / "ranks.npy", ranks)
    np.save(run.scratch / "shingles.npy", shingles)
    return Documents(table["id"], shingles, order, copies, table.num_rows - own)


def _copies(high: NDArray[np.uint64], low: NDArray[np.uint64], has_words: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Of each rank the least with the same 128 bits; a document without words is a copy of none."""
    by_hash = np.lexsort((low, high))  # stable: ranks ascend among equals
    high, low = high[by_hash], low[by_hash]
    new = np.ones(len(high), bool)
    new[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    starts = np.flatnonzero(new)
    first = np.empty(len(high), np.int64)
    first[by_hash] = np.repeat(by_hash[starts], np.diff(np.append(starts, len(high))))
    return np.where(has_words, first, np.arange(len(high)))


class Near(NamedTuple):
    """Verified pairs, sorted: ranks, Jaccard similarity, shared shingles, distinct shingles of either document."""

    packed: Packed
    similarity: NDArray[np.float64]
    shared: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    def filtered(self, chosen: NDArray[Any]) -> Near:
        return Near(*(column[chosen] for column in self))


@dataclass
class _Search:
    """From signatures to verified pairs."""

    run: Run
    crew: Crew
    config: DedupConfig
    scheme: Scheme
    files: Sequence[Path]
    sources: Sequence[Source]
    found: Documents
    budget: int
    ranges: int = field(default=1, init=False)
    sizes: NDArray[np.int64] = field(init=False)
    """Distinct shingles of each document in a pair, [places]."""
    places: NDArray[np.uint32] = field(init=False)
    """Where a document in a pair stands among those of `sizes`, [ranks]."""

    def candidates(self) -> int:
        """Find the candidates, in scratch; how many."""
        run, count = self.run, self.scheme.bands
        rows = len(self.found.order)
        budget = self.budget // max(1, run.workers)
        units = [Unit(f"band/{band:03d}", (self.files, band, self.found.known, budget), rows * 32) for band in range(count)]
        self.crew.each("danlu.clean.candidates:find_in_band", units)
        paths = [candidates.candidates_path(run, band) for band in range(count)]
        into = verify.pairs_path(run, "candidates")
        return int(run.once("candidates", lambda: {"pairs": candidates.merge(paths, into, self.budget)})["pairs"])

    def verified(self, name: str, bar: Any) -> Near:
        """Compare the sets of the pairs of that name in scratch; those at least as similar as the floor."""
        run = self.run
        if name == "candidates":
            self._write_sets(bar)
        packed = np.array(verify.read_pairs(run, name))
        units = [
            Unit(f"compare/{name}/{turn}", (self.sources, turn, name), self._set_bytes(turn)) for turn in range(self.ranges)
        ]
        self.crew.each("danlu.clean.verify:compare", units)
        shared = np.zeros(len(packed), np.int64)
        for turn in range(self.ranges):
            shared += np.fromfile(verify.shared_path(run, name, turn), np.int64)
        one, other = unpack(packed)
        first, second = self.sizes[self.places[one]], self.sizes[self.places[other]]
        similarity = shared / np.maximum(first + second - shared, 1)
        kept = similarity >= self.config.floor
        if self.config.measure == "containment":
            kept |= shared >= self.config.floor * np.minimum(first, second)
        return Near(packed, similarity, shared, first, second).filtered(kept)

    def completed(self, near: Near) -> Near:
        """With the pairs within clusters that shared no band."""
        run = self.run
        one, other = unpack(near.packed)
        missing = within(one, other, near.similarity, len(self.found.order), self.config.floor)
        missing = missing[unpack(missing)[1] >= self.found.known]
        missing = _without(missing, np.array(verify.read_pairs(run, "candidates")))
        path = verify.pairs_path(run, "clusters")
        run.once("clusters", lambda: missing.tofile(path))
        more = self.verified("clusters", None)
        order = np.argsort(np.concatenate((near.packed, more.packed)), kind="stable")
        return Near(*(np.concatenate(columns)[order] for columns in zip(near, more, strict=True)))

    def _write_sets(self, bar: Any) -> None:
        run, found = self.run, self.found
        ranks = np.zeros(len(found.order), bool)
        for column in unpack(np.array(verify.read_pairs(run, "candidates"))):
            ranks[column] = True
        wanted = np.zeros(len(ranks), bool)
        wanted[found.order[ranks]] = True
        np.save(run.scratch / "wanted.npy", wanted)
        total = int(found.shingles[wanted].sum()) * verify.BYTES * max(1, run.workers)
        self.ranges = int(run.resolve("ranges", lambda: max(1, -(-total // max(1, self.budget)))))
        units = [Unit(f"sets/{source.name}", (source, self.scheme, self.ranges), source.part.bytes) for source in self.sources]
        self.crew.each("danlu.clean.verify:write_sets", units, bar=bar)
        rows = np.full(len(ranks), NOBODY, np.uint32)
        rows[np.flatnonzero(wanted)] = np.arange(np.count_nonzero(wanted))
        self.places = rows[found.order]
        np.save(run.scratch / "places.npy", self.places.astype(np.int64))
        self.sizes = np.zeros(np.count_nonzero(wanted), np.int64)
        for turn in range(self.ranges):
            self.sizes += verify.sizes_of(run, self.sources, turn)

    def _set_bytes(self, turn: int) -> int:
        return 8 * int(verify.sizes_of(self.run, self.sources, turn).sum())


def _without(pairs: Packed, seen: Packed) -> Packed:
    """Those of `pairs` that are not among `seen`; both are sorted."""
    if not len(seen):
        return pairs
    there = seen[np.minimum(np.searchsorted(seen, pairs), len(seen) - 1)] == pairs
    return np.asarray(pairs[~there], np.uint64)


def _write(path: Path, found: Documents, near: Near) -> int:
    """`pairs.parquet`: copies beside the first of their words, and verified pairs, by rank."""
    copies = np.flatnonzero(found.copies != np.arange(len(found.copies)))
    copies = copies[copies >= found.known]
    one, other = unpack(near.packed)
    exact = found.shingles[found.order[copies]]
    columns = {
        "first": np.concatenate((found.copies[copies], one)),
        "second": np.concatenate((copies, other)),
        "kind": np.repeat([EXACT, NEAR], [len(copies), len(one)]),
        "similarity": np.concatenate((np.ones(len(copies)), near.similarity)),
        "shared": np.concatenate((exact, near.shared)),
        "first_shingles": np.concatenate((exact, near.first)),
        "second_shingles": np.concatenate((exact, near.second)),
    }
    order = np.lexsort((columns["second"], columns["first"]))
    columns = {name: values[order] for name, values in columns.items()}
    columns["cluster"] = labels(columns["first"], columns["second"], len(found.order))[columns["first"]]
    columns["earlier"] = columns["first"] < found.known

    def tables() -> Iterator[pa.Table]:
        for start in range(0, len(order), ROWS):
            rows = {name: values[start : start + ROWS] for name, values in columns.items()}
            names = {name: found.names(rows[name]) for name in ("first", "second", "cluster")}
            yield pa.table({**rows, **names}).select(PAIRS.names)

    return write_parquet(path, tables(), PAIRS)
