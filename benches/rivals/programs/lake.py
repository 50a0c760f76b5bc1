"""Converts event bodies in an ndjson file to Parquet, zstd level 1, on one thread.

    lake.py duckdb-typed|duckdb-text|polars|pyarrow IN.ndjson OUT.parquet
    lake.py answer FILES.parquet
    lake.py again OUT.parquet FILES.parquet

The first form writes the file once and prints figures about its contents as JSON; then it runs a round for each line on
stdin and prints its CPU seconds. The second form prints the figures about files of another writer. The third form copies
such files with DuckDB and prints the size of the copy.
"""

import json
import os
import sys
import time

# Set before the libraries are loaded, which start their threads then.
os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

GUIDS = """BusinessUnitId CorrelationId InitiatingUserAzureActiveDirectoryObjectId InitiatingUserId OperationId
OrganizationId PrimaryEntityId RequestId UserAzureActiveDirectoryObjectId UserId""".split()
TEXTS = "InitiatingUserAgent MessageName OperationCreatedOn OrganizationName PrimaryEntityName SecondaryEntityName".split()
NUMBERS = "Depth IsolationMode Mode Stage".split()
FLAGS = "IsExecutingOffline IsInTransaction IsOfflinePlayback".split()

# Attributes of an account, by kind.
COLUMNS = {
    "guid": "accountid",
    "text": "name telephone1 emailaddress1 websiteurl address1_line1 address1_city tickersymbol description",
    "choice": "industrycode statecode statuscode customertypecode",
    "money": "revenue creditlimit",
    "decimal": "exchangerate address1_latitude",
    "number": "numberofemployees",
    "flag": "creditonhold donotemail donotphone",
    "date": "createdon modifiedon lastusedincampaign",
    "lookup": "modifiedby primarycontactid ownerid transactioncurrencyid parentaccountid",
    "json": "new_channels entityimage",
}


def attribute(kind, name):
    """Columns of an attribute, from a map of names to JSON."""
    value = f"a['{name}']"
    date = "epoch_ms(CAST(regexp_extract({0}, '-?[0-9]+') AS BIGINT))"
    return {
        "guid": [f"CAST({value}->>'$' AS UUID) AS \"{name}\""],
        "text": [f"{value}->>'$' AS \"{name}\""],
        "choice": [f"CAST({value}->>'Value' AS INTEGER) AS \"{name}\""],
        "money": [f"CAST({value}->>'Value' AS DECIMAL(38,10)) AS \"{name}\""],
        "decimal": [f"CAST({value}->>'$' AS DECIMAL(38,10)) AS \"{name}\""],
        "number": [f"CAST({value}->>'$' AS INTEGER) AS \"{name}\""],
        "flag": [f"CAST({value}->>'$' AS BOOLEAN) AS \"{name}\""],
        "date": [f"{date.format(value + chr(45) + chr(62) * 2 + chr(39) + '$' + chr(39))} AS \"{name}\""],
        "lookup": [
            f"CAST({value}->>'Id' AS UUID) AS \"{name}\"",
            f"{value}->>'LogicalName' AS \"{name}_entitytype\"",
            f"{value}->>'Name' AS \"{name}name\"",
        ],
        "json": [f"{value} AS \"{name}\""],
    }[kind]


def duckdb_query(source, typed):
    """A SELECT over the bodies, with attributes as typed columns or as a list of JSON per body."""
    columns = {name: "UUID" for name in GUIDS}
    columns |= {name: "VARCHAR" for name in TEXTS}
    columns |= {name: "INTEGER" for name in NUMBERS}
    columns |= {name: "BOOLEAN" for name in FLAGS}
    pair = 'STRUCT("key" VARCHAR, "value" JSON)[]'
    target = f"STRUCT(Attributes {pair}, FormattedValues JSON)"
    columns["InputParameters"] = f'STRUCT("key" VARCHAR, "value" {target})[]'
    columns["PostEntityImages"] = f'STRUCT("key" VARCHAR, "value" STRUCT(Attributes {pair}))[]' if typed else "JSON"
    columns |= {"PreEntityImages": "JSON", "SharedVariables": "JSON"}
    stated = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    read = f"read_json('{source}', format='newline_delimited', columns={{{stated}}}, maximum_object_size=33554432)"
    created = "epoch_ms(CAST(regexp_extract(OperationCreatedOn, '-?[0-9]+') AS BIGINT)) AS OperationCreatedOn"
    facts = [name for name in GUIDS + TEXTS + NUMBERS + FLAGS if name != "OperationCreatedOn"]
    facts += [created, "PreEntityImages", "SharedVariables"]
    the_target = """list_filter(InputParameters, lambda p: p."key" = 'Target')[1]."value\""""
    # A row has the values that the event set; the post image provides the others.
    of_the_record = """list_filter(PostEntityImages, lambda i: i."key" != 'AsynchronousStepPrimaryName')"""
    the_image = f'{of_the_record}[1]."value".Attributes' if typed else "PostEntityImages"
    inner = f"SELECT * EXCLUDE (InputParameters), {the_target} AS target, {the_image} AS image FROM {read}"
    if not typed:
        return f"SELECT {', '.join(facts)}, target.Attributes AS attributes, image, target.FormattedValues FROM ({inner})"
    entries = "map_concat(map_from_entries(image), map_from_entries(target.Attributes))"
    middle = f"SELECT *, {entries} AS a FROM ({inner})"
    typed_columns = [
        column for kind, names in COLUMNS.items() for name in names.split() for column in attribute(kind, name)
    ]
    return f"SELECT {', '.join(facts + typed_columns)}, target.FormattedValues FROM ({middle})"


def duckdb_round(typed):
    import duckdb

    def write(source, out):
        # A new database in each round, so that nothing is cached.
        with duckdb.connect() as database:
            database.execute("SET threads = 1")
            query = duckdb_query(source, typed)
            database.execute(
                f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            )

    return write


def polars_round():
    import polars

    schema = {name: polars.String for name in GUIDS + TEXTS}
    schema |= {name: polars.Int32 for name in NUMBERS}
    schema |= {name: polars.Boolean for name in FLAGS}

    def write(source, out):
        frame = polars.scan_ndjson(source, schema=schema, ignore_errors=False)
        frame.sink_parquet(out, compression="zstd", compression_level=1)

    return write


def pyarrow_round():
    import pyarrow
    import pyarrow.json
    import pyarrow.parquet

    fields = [(name, pyarrow.string()) for name in GUIDS + TEXTS]
    fields += [(name, pyarrow.int32()) for name in NUMBERS]
    fields += [(name, pyarrow.bool_()) for name in FLAGS]
    parse = pyarrow.json.ParseOptions(
        explicit_schema=pyarrow.schema(fields), unexpected_field_behavior="ignore", newlines_in_values=False
    )
    pyarrow.set_cpu_count(1)

    def write(source, out):
        reading = pyarrow.json.ReadOptions(use_threads=False, block_size=16 << 20)
        table = pyarrow.json.read_json(source, read_options=reading, parse_options=parse)
        pyarrow.parquet.write_table(table, out, compression="zstd", compression_level=1)

    return write


def answer(files, pattern):
    """Figures about Parquet files: rows, sums over the facts, and sums over attributes if they are columns."""
    import duckdb

    with duckdb.connect() as database:
        described = database.execute(f"DESCRIBE SELECT * FROM read_parquet({files!r}, union_by_name=true)").fetchall()
        names = {row[0] for row in described}
        depth = "_depth" if "_depth" in names else "Depth"
        stage = "_stage" if "_stage" in names else "Stage"
        requests = "_request_id" if "_request_id" in names else "RequestId"
        asked = {
            "rows": "count(*)",
            "depth": f'sum("{depth}")',
            "stage": f'sum("{stage}")',
            "requests": f'count(DISTINCT lower(CAST("{requests}" AS VARCHAR)))',
        }
        if "revenue" in names:
            asked |= {
                "revenue": "CAST(sum(revenue) AS VARCHAR)",
                "employees": "sum(numberofemployees)",
                "industry": "sum(industrycode)",
                "owners": "count(DISTINCT ownerid)",
                "names": "sum(length(name))",
                "last": "CAST(max(lastusedincampaign) AS VARCHAR)",
            }
        select = ", ".join(asked.values())
        row = database.execute(f"SELECT {select} FROM read_parquet({files!r}, union_by_name=true)").fetchone()
    found = {name: int(value) if isinstance(value, int) else value for name, value in zip(asked, row)}
    return json.dumps({"answer": found, "bytes": sum(os.path.getsize(file) for file in pattern)})


def again(out, files):
    """Copies files with DuckDB; returns the size of the copy in bytes."""
    import duckdb

    with duckdb.connect() as database:
        columns = f"SELECT * FROM read_parquet({files!r}, union_by_name=true)"
        database.execute(f"COPY ({columns}) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
    return os.path.getsize(out)


def main():
    if sys.argv[1] == "again":
        print(again(sys.argv[2], sys.argv[3:]), flush=True)
        return
    if sys.argv[1] == "answer":
        print(answer(sys.argv[2:], sys.argv[2:]), flush=True)
        return
    way, source, out = sys.argv[1:4]
    write = {
        "duckdb-typed": lambda: duckdb_round(True),
        "duckdb-text": lambda: duckdb_round(False),
        "polars": polars_round,
        "pyarrow": pyarrow_round,
    }[way]()
    write(source, out)
    print(answer([out], [out]), flush=True)
    for _ in sys.stdin:
        before = time.process_time()
        write(source, out)
        print(time.process_time() - before, flush=True)


main()
