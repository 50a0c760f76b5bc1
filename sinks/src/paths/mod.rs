//! The keys of a lake: the only module that writes or parses one.
//!
//! Every key is one-to-one with what it names, also when case is ignored: two destinations that shared a path would
//! take each other's rows for their own (rule 11 of the commit protocol).
//!
//! Does not own what is stored under a key, or who may write it.

mod data_file; // the keys of data files, and the destinations that they belong to
mod date; // a day in UTC, as folders name it
mod error; // text that names nothing in a lake
mod escape; // names in the alphabet of keys
mod gaps; // the keys of records of ordinals without a row
mod key; // a key as a path, and the folder of the records
mod records; // the keys of the lake's identity, schemas, origins and rules
mod redrive; // the keys of redrive plans and of the files they fill
mod source; // the name of one ordered log
mod table; // the folders of tables

pub use data_file::{
    DATA_GLOB, DATE_COLUMN, DataFileName, Destination, data_file, date_folder, is_met_by_glob, is_parquet,
    parse_data_file, parse_date_folder,
};
pub use date::Date;
pub use error::Error;
pub use escape::MAX_NAME_BYTES;
pub use gaps::{
    GapCause, forgotten, forgotten_folder, gap_folder, gap_record, lost, lost_folder, parse_forgotten,
    parse_gap_record, parse_lost,
};
pub use key::{RECORDS_FOLDER, listed_folder};
pub use records::{
    first_start, first_start_folder, further_name, further_name_folder, is_first_start,
    is_first_start_of_other_generation, is_further_name, lake_record, origin, origin_folder, parse_origin,
    parse_rules, parse_schema, rules, rules_folder, schema, schema_folder, schema_folder_of, schema_in,
};
pub use redrive::{
    RedrivenFileName, parse_redrive_plan, parse_redriven_file, redrive_folder, redrive_plan, redriven_file,
};
pub use source::SourceId;
pub use table::{OWN_TABLES, QUARANTINE_TABLE, folder_name, is_table_folder, table_folder};

#[cfg(test)]
mod tests;
