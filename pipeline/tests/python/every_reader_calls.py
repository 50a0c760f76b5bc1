"""One class per Parquet reader: its calls, the types it shows, and its session time zone.

`read` returns the types and the rows of a table; `day` narrows it to one value of the partition column. `days` returns for
the attribute `new_day` the day that the session zone shows, and the day that the expression in docs/READERS.md gives.
"""

import re
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

from every_reader_bodies import MIDNIGHT_DAY, form_of

ZONE = "America/New_York"
DAY_COLUMN = "new_day"
PARTY = ["partyid", "partyid_entitytype", "partyidname", "participationtypemask", "addressused", "rest"]
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def files_of(table):
    return sorted(str(file) for file in Path(table).glob("enqueued_date=*/*.cw.parquet"))


def literal(text):
    return "'" + text.replace("'", "''") + "'"


class Reader:
    """DAYS_BEHIND is the number of days by which a date without a time differs in the session time zone."""

    DAYS_BEHIND = 0

    def count(self, table, column, value):
        """The number of rows with this value, or None if the reader has no such filter."""


def predicate(column, value, moment, day="DATE '{}'", quote='"'):
    """An equality in SQL; `moment` converts microseconds to a timestamp, `day` a text to a date."""
    form = form_of(column)
    forms = {"decimal": "CAST('{:f}' AS DECIMAL(38, 12))", "double": "CAST('{!r}' AS DOUBLE)", "date": day, "int32": "{}", "int64": "{}"}
    if form == "timestamp":
        value = moment.format((value - EPOCH) // timedelta(microseconds=1))
    else:
        value = literal(value) if form == "text" else forms[form].format(value)
    return f"{quote}{column}{quote} = {value}"


class DuckDb(Reader):
    DAYS_BEHIND = 1
    TYPES = {
        "boolean": "BOOLEAN", "decimal": "DECIMAL(38,12)", "double": "DOUBLE", "int32": "INTEGER", "int64": "BIGINT", "text": "VARCHAR",
        "timestamp": "TIMESTAMP WITH TIME ZONE", "date": "DATE", "binary": "BLOB", "int32_list": "INTEGER[]", "text_list": "VARCHAR[]",
        "party_list": "STRUCT(" + ", ".join(f"{name} {'INTEGER' if name == 'participationtypemask' else 'VARCHAR'}" for name in PARTY) + ")[]",
    }

    def __init__(self):
        import duckdb

        self.version = duckdb.__version__
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")

    def call(self, table):
        return f"read_parquet({literal(str(table) + '/enqueued_date=*/*.cw.parquet')}, union_by_name = true, hive_partitioning = true)"

    def read(self, table, day=None):
        where = f" WHERE enqueued_date = DATE '{day}'" if day else ""
        result = self.connection.execute(f"SELECT * FROM {self.call(table)}{where}")
        names = [column[0] for column in result.description]
        rows = [dict(zip(names, row)) for row in result.fetchall()]
        types = {row[0]: row[1] for row in self.connection.execute(f"DESCRIBE SELECT * FROM {self.call(table)}").fetchall()}
        return types, rows

    def count(self, table, column, value):
        where = predicate(column, value, "(make_timestamp({}) AT TIME ZONE 'UTC')")
        return self.connection.execute(f"SELECT count(*) FROM {self.call(table)} WHERE {where}").fetchone()[0]

    def days(self, table):
        self.connection.execute(f"SET TimeZone = '{ZONE}'")
        # A view with a cast has the right day in any session.
        days = f"SELECT {DAY_COLUMN}, {DAY_COLUMN}::DATE AS shown, ({DAY_COLUMN} AT TIME ZONE 'UTC')::DATE AS day"
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW days AS {days} FROM {self.call(table)}")
        return self.connection.execute(f"SELECT shown, day FROM days WHERE {DAY_COLUMN} = TIMESTAMPTZ '{MIDNIGHT_DAY} 00:00:00+00'").fetchall()


def arrow_types(strings="string"):
    members = ", ".join(f"{name}: {'int32' if name == 'participationtypemask' else strings}" for name in PARTY)
    return {
        "boolean": "bool", "decimal": "decimal128(38, 12)", "double": "double", "int32": "int32", "int64": "int64", "text": strings,
        "timestamp": "timestamp[us, tz=UTC]", "date": "date32[day]", "binary": "binary", "int32_list": "list<int32>",
        "text_list": f"list<{strings}>", "party_list": f"list<struct<{members}>>",
    }


def shown(type):
    """An Arrow type without the names of list elements and nullability."""
    return re.sub(r"<(?:element|item|array_element|array): ", "<", str(type)).replace(" not null", "").replace("large_", "").replace("string_view", "string").replace("binary_view", "binary")


class PyArrow(Reader):
    TYPES = arrow_types()

    def __init__(self):
        import pyarrow
        import pyarrow.dataset
        import pyarrow.parquet

        self.pyarrow, self.version = pyarrow, pyarrow.__version__

    def dataset(self, table):
        pyarrow, files = self.pyarrow, files_of(table)
        schema = pyarrow.unify_schemas([pyarrow.parquet.read_schema(file) for file in files])
        schema = schema.append(pyarrow.field("enqueued_date", pyarrow.date32()))
        return pyarrow.dataset.dataset(files, schema=schema, format="parquet", partitioning="hive")

    def read(self, table, day=None):
        filter = self.pyarrow.dataset.field("enqueued_date") == day if day else None
        found = self.dataset(table).to_table(filter=filter)
        return {field.name: shown(field.type) for field in found.schema}, found.to_pylist()

    def count(self, table, column, value):
        dataset = self.dataset(table)
        value = self.pyarrow.scalar(int(value) if "int" in form_of(column) else value, dataset.schema.field(column).type)
        return dataset.count_rows(filter=self.pyarrow.dataset.field(column) == value)

    def days(self, table):
        found = self.dataset(table).to_table(columns=[DAY_COLUMN])
        shown = found.append_column("day", found[DAY_COLUMN].cast(self.pyarrow.date32())).to_pylist()
        return [(row["day"], row["day"]) for row in shown if is_midnight(row[DAY_COLUMN])]


class Pandas(Reader):
    TYPES = {name: f"{type}[pyarrow]" for name, type in arrow_types().items()}
    BACKEND = {"dtype_backend": "pyarrow"}

    def __init__(self):
        import pandas

        self.pandas, self.version, self.arrow = pandas, pandas.__version__, PyArrow()

    def frame(self, table, day=None):
        schema = self.arrow.dataset(table).schema
        filters = [("enqueued_date", "=", day)] if day else None
        return self.pandas.read_parquet(files_of(table), schema=schema, partitioning="hive", filters=filters, **self.BACKEND)

    def read(self, table, day=None):
        frame = self.frame(table, day)
        return {name: shown(type) for name, type in frame.dtypes.items()}, self.rows(frame)

    def rows(self, frame):
        columns = {name: [self.value(value) for value in frame[name]] for name in frame.columns}
        return [dict(zip(columns, row)) for row in zip(*columns.values())]

    def value(self, value):
        value = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, self.pandas.Timestamp):
            return value.to_pydatetime(warn=False)
        return None if value is None or value is self.pandas.NA or value is self.pandas.NaT or value != value else value

    def days(self, table):
        column = self.frame(table)[DAY_COLUMN]
        return [(value.date(), value.date()) for value in column if value is not self.pandas.NA and value is not self.pandas.NaT and is_midnight(value)]


class PandasOfNumPy(Pandas):
    """pandas without `dtype_backend`."""

    TYPES = {
        **dict.fromkeys(["decimal", "date", "binary", "int32_list", "text_list", "party_list"], "object"),
        "boolean": {"bool", "object"}, "double": "float64", "int32": {"int32", "float64"}, "int64": {"int64", "float64"}, "text": "str", "timestamp": "datetime64[us, UTC]",
    }
    BACKEND = {}


class Polars(Reader):
    TYPES = {
        "boolean": "Boolean", "decimal": "Decimal(precision=38, scale=12)", "double": "Float64", "int32": "Int32", "int64": "Int64", "text": "String",
        "timestamp": "Datetime(time_unit='us', time_zone='UTC')", "date": "Date", "binary": "Binary", "int32_list": "List(Int32)",
        "text_list": "List(String)",
        "party_list": "List(Struct({" + ", ".join(f"'{name}': {'Int32' if name == 'participationtypemask' else 'String'}" for name in PARTY) + "}))",
    }

    def __init__(self):
        import polars

        self.polars, self.version = polars, polars.__version__

    def scan(self, table):
        return self.polars.concat([self.polars.scan_parquet(file, hive_partitioning=True) for file in files_of(table)], how="diagonal")

    def read(self, table, day=None):
        frame = self.scan(table)
        found = (frame.filter(self.polars.col("enqueued_date") == day) if day else frame).collect()
        return {name: str(type) for name, type in found.schema.items()}, found.to_dicts()

    def count(self, table, column, value):
        value = self.polars.lit(int(value) if "int" in form_of(column) else value)
        return self.scan(table).filter(self.polars.col(column) == value).select(self.polars.len()).collect().item()

    def days(self, table):
        found = self.scan(table).filter(self.polars.col(DAY_COLUMN) == datetime.combine(MIDNIGHT_DAY, datetime.min.time(), timezone.utc))
        found = found.select(self.polars.col(DAY_COLUMN).dt.date().alias("day")).collect()
        return [(row["day"], row["day"]) for row in found.to_dicts()]


class DataFusion(Reader):
    TYPES = arrow_types()

    def __init__(self):
        import datafusion
        import pyarrow

        self.datafusion, self.pyarrow, self.version = datafusion, pyarrow, datafusion.__version__

    def context(self, table, zone="UTC"):
        context = self.datafusion.SessionContext(self.datafusion.SessionConfig().set("datafusion.execution.time_zone", zone))
        context.register_parquet("t", str(table), table_partition_cols=[("enqueued_date", self.pyarrow.date32())], file_extension=".cw.parquet")
        return context

    def read(self, table, day=None):
        where = f" WHERE enqueued_date = DATE '{day}'" if day else ""
        found = self.context(table).sql(f"SELECT * FROM t{where}").to_arrow_table()
        return {field.name: shown(field.type) for field in found.schema}, found.to_pylist()

    def count(self, table, column, value):
        where = predicate(column, value, "arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
        return self.context(table).sql(f"SELECT count(*) AS n FROM t WHERE {where}").to_arrow_table().to_pylist()[0]["n"]

    def days(self, table):
        context = self.context(table, ZONE)
        context.sql(f"CREATE VIEW days AS SELECT {DAY_COLUMN}, CAST({DAY_COLUMN} AS DATE) AS day FROM t").collect()
        found = context.sql(f"SELECT day FROM days WHERE {DAY_COLUMN} = TIMESTAMP '{MIDNIGHT_DAY}T00:00:00Z'").to_arrow_table()
        return [(row["day"], row["day"]) for row in found.to_pylist()]


class FastParquet(Reader):
    """Reads one file at a time: files that are read together need the same columns."""

    TYPES = {
        **dict.fromkeys(["binary", "int32_list", "text_list", "party_list"], "object"), "text": {"object", "str"},
        "boolean": {"bool", "boolean"}, "decimal": "float64", "double": "float64", "int32": {"int32", "Int32"}, "int64": {"int64", "Int64"},
        "timestamp": "datetime64[us]", "date": {"datetime64[ns]", "object"},
    }

    def __init__(self):
        import fastparquet
        import pandas

        self.fastparquet, self.pandas, self.version = fastparquet, pandas, fastparquet.__version__

    def read(self, table, day=None):
        types, rows = {}, []
        for file in files_of(table):
            folder = Path(file).parent.name.removeprefix("enqueued_date=")
            if day and folder != str(day):
                continue
            frame = self.fastparquet.ParquetFile(file).to_pandas()
            frame["enqueued_date"] = date.fromisoformat(folder)
            types |= {name: str(type) for name, type in frame.dtypes.items()}
            rows += self.rows(frame)
        return types, rows

    rows, value = Pandas.rows, Pandas.value

    def days(self, table):
        midnight = datetime.combine(MIDNIGHT_DAY, datetime.min.time())
        return [(row[DAY_COLUMN].date(),) * 2 for row in self.read(table)[1] if row[DAY_COLUMN] == midnight]


class ClickHouse(Reader):
    TYPES = {
        **{name: f"Nullable({type})" for name, type in {
            "boolean": "Bool", "decimal": "Decimal(38, 12)", "double": "Float64", "int32": "Int32", "int64": "Int64", "text": "String",
            "timestamp": "DateTime64(6, 'UTC')", "binary": "String",
        }.items()},
        "date": {"Nullable(Date32)", "Date"}, "int32_list": "Array(Nullable(Int32))", "text_list": "Array(Nullable(String))",
        "party_list": "Array(Tuple(" + ", ".join(f"{name} Nullable({'Int32' if name == 'participationtypemask' else 'String'})" for name in PARTY) + "))",
    }
    # Strings are read as bytes: Arrow strings have to be UTF-8, which the column of an image is not.
    SETTINGS = "schema_inference_mode = 'union', use_hive_partitioning = 1, output_format_arrow_string_as_string = 0"

    def __init__(self):
        import chdb
        import pyarrow

        self.chdb, self.pyarrow, self.version = chdb, pyarrow, chdb.__version__

    def file(self, table):
        return f"file({literal(str(table) + '/enqueued_date=*/*.cw.parquet')}, Parquet)"

    def query(self, query, settings=""):
        found = self.chdb.query(f"{query} SETTINGS {self.SETTINGS}{settings}", "Arrow").bytes()
        found = self.pyarrow.ipc.open_file(found).read_all().to_pylist()
        return [{name: decoded(value) if form_of(name) != "binary" else value for name, value in row.items()} for row in found]

    def read(self, table, day=None):
        where = f" WHERE enqueued_date = '{day}'" if day else ""
        types = {row["name"]: re.sub(r"\s+", " ", row["type"]).replace("( ", "(") for row in self.query(f"DESCRIBE {self.file(table)}")}
        return types, self.query(f"SELECT * FROM {self.file(table)}{where}")

    def count(self, table, column, value):
        if isinstance(value, date) and not isinstance(value, datetime) and not 1900 <= value.year < 2300:
            return None  # A literal can't express such a day.
        where = predicate(column, value, "fromUnixTimestamp64Micro(toInt64({}), 'UTC')", "toDate32('{}')")
        return self.query(f"SELECT count(*) AS n FROM {self.file(table)} WHERE {where}")[0]["n"]

    def days(self, table):
        days = f"toDate32({DAY_COLUMN}) AS shown, toDate32({DAY_COLUMN}, 'UTC') AS day"
        found = self.query(f"SELECT {days} FROM {self.file(table)} WHERE {DAY_COLUMN} = toDateTime64('{MIDNIGHT_DAY} 00:00:00', 6, 'UTC')", f", session_timezone = '{ZONE}'")
        return [(row["shown"], row["day"]) for row in found]


def decoded(value):
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if isinstance(value, dict):
        return {name: decoded(item) for name, item in value.items()}
    return value.decode() if isinstance(value, bytes) else value


class Spark(Reader):
    DAYS_BEHIND = 1
    TYPES = {
        "boolean": "boolean", "decimal": "decimal(38,12)", "double": "double", "int32": "int", "int64": "bigint", "text": "string",
        "timestamp": "timestamp", "date": "date", "binary": "binary", "int32_list": "array<int>", "text_list": "array<string>",
        "party_list": "array<struct<" + ",".join(f"{name}:{'int' if name == 'participationtypemask' else 'string'}" for name in PARTY) + ">>",
    }

    def __init__(self):
        import pyspark
        from pyspark.sql import SparkSession, functions

        self.functions, self.version = functions, pyspark.__version__
        builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).config("spark.ui.showConsoleProgress", False).config("spark.sql.session.timeZone", "UTC")
        self.session = builder.config("spark.sql.shuffle.partitions", 1).config("spark.log.level", "ERROR").getOrCreate()

    @cache
    def frame(self, table):
        read = self.session.read.option("mergeSchema", True).option("pathGlobFilter", "*.cw.parquet")
        # Without this option Spark 3 refuses dates before 1900, which are in the Julian calendar in its own old files.
        read = read.option("datetimeRebaseMode", "CORRECTED") if self.version < "4" else read
        return read.parquet(str(table))

    def read(self, table, day=None):
        frame = self.frame(table)
        types = dict(frame.dtypes)
        found = frame.filter(self.functions.col("enqueued_date") == day) if day else frame
        # A collected timestamp is in the time zone of the process; microseconds do not depend on it.
        microseconds = lambda name: self.functions.unix_micros(self.column(name)).alias(name)
        found = found.select([microseconds(name) if type == "timestamp" else self.column(name) for name, type in types.items()])
        return types, [self.values(row.asDict(recursive=True), types) for row in found.collect()]

    def column(self, name):
        return self.functions.col(f"`{name}`")

    def values(self, row, types):
        for name, value in row.items():
            if value is not None and types[name] == "timestamp":
                row[name] = EPOCH + timedelta(microseconds=value)
            elif isinstance(value, bytearray):
                row[name] = bytes(value)
        return row

    def count(self, table, column, value):
        return self.frame(table).filter(predicate(column, value, "timestamp_micros({})", quote="`")).count()

    def days(self, table):
        self.session.conf.set("spark.sql.session.timeZone", ZONE)
        shown, day = f"CAST({DAY_COLUMN} AS DATE) AS shown", f"CAST(to_utc_timestamp({DAY_COLUMN}, current_timezone()) AS DATE) AS day"
        self.frame(table).selectExpr(DAY_COLUMN, shown, day).createOrReplaceTempView("days")
        return [tuple(row) for row in self.session.sql(f"SELECT shown, day FROM days WHERE {DAY_COLUMN} = TIMESTAMP '{MIDNIGHT_DAY} 00:00:00Z'").collect()]


def is_midnight(moment):
    return moment == datetime.combine(MIDNIGHT_DAY, datetime.min.time(), timezone.utc)


READERS = {
    "duckdb": DuckDb,
    "pyarrow": PyArrow,
    "pandas": Pandas,
    "pandas_numpy": PandasOfNumPy,
    "polars": Polars,
    "datafusion": DataFusion,
    "fastparquet": FastParquet,
    "clickhouse": ClickHouse,
    "spark": Spark,
}
