"""readers.py LAKE: compares other Parquet readers with DuckDB, table by table and value by value."""

import sys
from pathlib import Path

import duckdb
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

from checking import Faults

KEY = ("_partition", "_sequence_number", "_row_index")


def check(lake):
    faults, values = Faults(), 0
    for folder in sorted(Path(lake).iterdir()):
        files = sorted(str(file) for file in folder.glob("enqueued_date=*/*.cw.parquet"))
        if not files:
            continue
        expected = by_duckdb(files)
        values += sum(value is not None for row in expected.values() for value in row.values())
        for reader in (by_pyarrow, by_polars):
            found = reader(files)
            faults.equal(found.keys(), expected.keys(), folder.name, reader.__name__, "rows")
            for place in expected.keys() & found.keys():
                for column, value in expected[place].items():
                    faults.equal(found[place].get(column), value, folder.name, reader.__name__, place, column)
    faults.check(values > 0, "the lake has no value")
    print(f"{values} values")
    faults.end()


def by_duckdb(files):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    result = connection.execute("SELECT * FROM read_parquet($1, union_by_name = true, hive_partitioning = false)", [files])
    names = [column[0] for column in result.description]
    return placed(dict(zip(names, row)) for row in result.fetchall())


def by_pyarrow(files):
    # By default a dataset has the columns of its first file.
    schema = pyarrow.unify_schemas([pyarrow.parquet.read_schema(file) for file in files])
    return placed(pyarrow.dataset.dataset(files, schema=schema, format="parquet").to_table().to_pylist())


def by_polars(files):
    return placed(polars.concat([polars.read_parquet(file, hive_partitioning=False) for file in files], how="diagonal").to_dicts())


def placed(rows):
    return {tuple(row[column] for column in KEY): row for row in rows}


if __name__ == "__main__":
    check(*sys.argv[1:])
