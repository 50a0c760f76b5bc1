//! Schemas extended by writers that have not heard of each other.

use super::*;
use crate::lake::fixtures::impatient;
use crate::store::Store;
use crate::store::faults::{Faults, PutFault};

async fn schemas(store: &Store) -> Schemas {
    Schemas::load(Records::new(store.clone(), impatient())).await.unwrap()
}

fn columns(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(name, type_name)| ((*name).to_owned(), (*type_name).to_owned())).collect()
}

fn durable(version: u64) -> Ensured {
    Ensured::Durable { version }
}

const NAME: (&str, &str) = ("name", "text");
const SIZE: (&str, &str) = ("size", "int64");
const OWNER: (&str, &str) = ("owner", "uuid");

#[tokio::test]
async fn schema_grows_by_whole_versions() {
    let store = Store::open("memory://").unwrap();
    let mut growing = schemas(&store).await;
    for (file, expected) in
        [(vec![NAME, SIZE], 1), (vec![NAME], 1), (vec![OWNER], 2), (vec![NAME, SIZE, OWNER], 2)]
    {
        assert_eq!(growing.ensure("Account", &columns(&file)).await.unwrap(), durable(expected));
    }
    assert_eq!(growing.ensure("account", &columns(&[("name", "uuid")])).await.unwrap(), durable(1));
    let read_back = schemas(&store).await;
    assert_eq!(read_back.table("Account"), growing.table("Account"));
    assert_eq!(read_back.table("Account").unwrap().columns, columns(&[NAME, SIZE, OWNER]));
    assert_eq!(read_back.tables().count(), 2);
}

#[tokio::test]
async fn newest_of_many_versions_is_loaded() {
    let store = Store::open("memory://").unwrap();
    let mut growing = schemas(&store).await;
    for n in 1..=12 {
        let file = columns(&[(&format!("column_{n}"), "text")]);
        assert_eq!(growing.ensure("account", &file).await.unwrap(), durable(n));
    }
    assert_eq!(schemas(&store).await.table("account").unwrap().version, 12);
}

#[tokio::test]
async fn data_files_of_a_table_without_a_schema_are_refused() {
    let store = Store::open("memory://").unwrap();
    schemas(&store).await.ensure("account", &columns(&[NAME])).await.unwrap();
    let file = |table: &str| {
        let source = paths::SourceId::new("hub", 1_763_800_000_000, 0);
        let date = "2026-11-22".parse().unwrap();
        paths::data_file(&paths::Destination { table: table.into(), date, source }, paths::Ordinal(0))
    };
    let put = async |path: &object_store::path::Path| store.put(path, bytes::Bytes::new()).await.unwrap();
    put(&file("account")).await;
    put(&paths::listed_folder(&["nothing", "of", "ours"])).await;
    assert!(schemas(&store).await.check_tables().await.is_ok());
    put(&file("contact")).await;
    let before = schemas(&store).await;
    let said = before.check_tables().await.unwrap_err().to_string();
    assert!(said.starts_with("contact/enqueued_date=2026-11-22/hub-"), "{said}");
    assert!(said.contains("schema/contact/1.json"), "{said}");
    // A table that another writer began meanwhile.
    schemas(&store).await.ensure("contact", &columns(&[NAME])).await.unwrap();
    assert!(before.check_tables().await.is_ok());
}

#[tokio::test]
async fn known_columns_cost_no_request() {
    let faults = Faults::new();
    let store = Store::open("memory://").unwrap().with_faults(&faults);
    let mut schemas = schemas(&store).await;
    schemas.ensure("account", &columns(&[NAME, SIZE])).await.unwrap();
    let puts = faults.puts().len();
    // The next read would not be answered, and five attempts are all there are.
    (0..9).for_each(|_| faults.lose_next_read("schema"));
    assert_eq!(schemas.ensure("account", &columns(&[SIZE])).await.unwrap(), durable(1));
    assert_eq!(faults.puts().len(), puts);
}

#[tokio::test]
async fn type_in_the_lake_stays_and_nothing_is_put_for_a_file_that_contradicts_it() {
    let faults = Faults::new();
    let store = Store::open("memory://").unwrap().with_faults(&faults);
    let mut first = schemas(&store).await;
    let mut second = schemas(&store).await;
    assert_eq!(first.ensure("account", &columns(&[NAME, SIZE])).await.unwrap(), durable(1));
    // The second writer has not heard of it: it finds the name taken, learns, and is told.
    let contradicting = columns(&[("size", "text"), OWNER]);
    let ensured = second.ensure("account", &contradicting).await.unwrap();
    let Ensured::Contradiction { column, lake, file, schema } = ensured else { panic!("{ensured:?}") };
    assert_eq!((column.as_str(), lake.as_str(), file.as_str()), ("size", "int64", "text"));
    assert_eq!(schema.columns, columns(&[NAME, SIZE]));
    assert_eq!(
        second.ensure("account", &contradicting).await.unwrap(),
        first.ensure("account", &contradicting).await.unwrap()
    );
    assert!(!faults.puts().iter().any(|key| key.ends_with("/2.json")), "{:?}", faults.puts());
    assert_eq!(second.ensure("account", &columns(&[SIZE, OWNER])).await.unwrap(), durable(2));
}

#[tokio::test]
async fn two_writers_end_with_the_columns_of_both() {
    use PutFault::{Late, Lost, Unanswered};
    for fault in [Lost, Unanswered, Late] {
        let store = Store::open("memory://").unwrap();
        let faults = Faults::new();
        let mut first = schemas(&store.with_faults(&faults)).await;
        let mut second = schemas(&store).await;
        faults.next_put("schema", fault);
        assert_eq!(first.ensure("account", &columns(&[NAME])).await.unwrap(), durable(1));
        assert_eq!(second.ensure("account", &columns(&[SIZE])).await.unwrap(), durable(2));
        faults.land_late().await;
        assert_eq!(first.ensure("account", &columns(&[OWNER])).await.unwrap(), durable(3));
        assert_eq!(schemas(&store).await.table("account").unwrap().columns, columns(&[NAME, SIZE, OWNER]));
    }
}

#[tokio::test]
async fn chain_that_takes_a_column_back_is_refused() {
    for (second, says) in [
        (r#"{"table":"account","version":2,"columns":{"size":"int64"}}"#, "changes column \"name\""),
        (r#"{"table":"account","version":2,"columns":{"name":"uuid"}}"#, "changes column \"name\""),
        (r#"{"table":"contact","version":2,"columns":{"name":"text"}}"#, "says that it is another one"),
        (r#"{"table":"account","version":3,"columns":{"name":"text"}}"#, "says that it is another one"),
    ] {
        let store = Store::open("memory://").unwrap();
        let mut schemas = schemas(&store).await;
        schemas.ensure("account", &columns(&[NAME])).await.unwrap();
        store.put(&paths::schema("account", 2), second.into()).await.unwrap();
        let error = schemas.ensure("account", &columns(&[OWNER])).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.kind(), Kind::Fatal);
    }
}
