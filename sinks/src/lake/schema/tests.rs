//! Schemas extended by several writers, each without knowledge of the others.

use super::*;
use crate::lake::fixtures::fast_backoff;
use crate::ordinals::Ordinal;
use crate::store::faults::{Faults, PutFault};
use crate::store::{Key, Store};

async fn schemas(store: &Store) -> Schemas {
    Schemas::load(Records::new(store.clone(), fast_backoff())).await.unwrap()
}

/// Columns with one field id each.
fn columns(of: &[(&str, &str)]) -> BTreeMap<String, FileColumn> {
    let column = |type_name: &str| FileColumn { type_name: type_name.to_owned(), ids: 1 };
    of.iter().map(|(name, type_name)| ((*name).to_owned(), column(type_name))).collect()
}

fn types(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(name, type_name)| ((*name).to_owned(), (*type_name).to_owned())).collect()
}

/// Makes the columns durable and returns the schema's version.
async fn ensured(schemas: &mut Schemas, table: &str, file: &[(&str, &str)]) -> u64 {
    match schemas.ensure(table, &columns(file)).await.unwrap() {
        Ensured::Durable(schema) => schema.version,
        contradiction @ Ensured::Contradiction { .. } => panic!("{contradiction:?}"),
    }
}

const NAME: (&str, &str) = ("name", "text");
const SIZE: (&str, &str) = ("size", "int64");
const OWNER: (&str, &str) = ("owner", "uuid");

#[tokio::test]
async fn new_columns_make_a_new_version() {
    let store = Store::in_memory();
    let mut growing = schemas(&store).await;
    for (file, expected) in
        [(vec![NAME, SIZE], 1), (vec![NAME], 1), (vec![OWNER], 2), (vec![NAME, SIZE, OWNER], 2)]
    {
        assert_eq!(ensured(&mut growing, "Account", &file).await, expected);
    }
    assert_eq!(ensured(&mut growing, "account", &[("name", "uuid")]).await, 1);
    let read_back = schemas(&store).await;
    assert_eq!(read_back.table("Account"), growing.table("Account"));
    assert_eq!(read_back.table("Account").unwrap().types(), types(&[NAME, SIZE, OWNER]));
    assert_eq!(read_back.tables().count(), 2);
}

#[tokio::test]
async fn loads_the_highest_version() {
    let store = Store::in_memory();
    let mut growing = schemas(&store).await;
    for n in 1..=12 {
        assert_eq!(ensured(&mut growing, "account", &[(&format!("column_{n}"), "text")]).await, n);
    }
    assert_eq!(schemas(&store).await.table("account").unwrap().version, 12);
}

#[tokio::test]
async fn rejects_data_files_of_a_table_without_a_schema() {
    let store = Store::in_memory();
    schemas(&store).await.ensure("account", &columns(&[NAME])).await.unwrap();
    let file = |table: &str| {
        let source = paths::SourceId::new("hub", 1_763_800_000_000, 0);
        let date = "2026-11-22".parse().unwrap();
        paths::data_file(&paths::Destination { table: table.into(), date, source }, Ordinal::new(0))
    };
    let put = async |path: &Key| store.put(path, bytes::Bytes::new()).await.unwrap();
    put(&file("account")).await;
    put(&paths::listed_folder(&["nothing", "of", "ours"])).await;
    assert!(schemas(&store).await.check_tables().await.is_ok());
    put(&file("contact")).await;
    let before = schemas(&store).await;
    let error = before.check_tables().await.unwrap_err().to_string();
    assert!(error.starts_with("data file contact/enqueued_date=2026-11-22/hub-"), "{error}");
    assert!(error.contains("schema/contact/1.json"), "{error}");
    // Another writer creates the schema after `before` was loaded.
    schemas(&store).await.ensure("contact", &columns(&[NAME])).await.unwrap();
    assert!(before.check_tables().await.is_ok());
}

#[tokio::test]
async fn known_columns_need_no_request() {
    let faults = Faults::new();
    let store = Store::in_memory().with_faults(&faults);
    let mut schemas = schemas(&store).await;
    schemas.ensure("account", &columns(&[NAME, SIZE])).await.unwrap();
    let puts = faults.puts().len();
    // A read would fail: the backoff has only five attempts.
    (0..9).for_each(|_| faults.lose_next_read("schema"));
    assert_eq!(ensured(&mut schemas, "account", &[SIZE]).await, 1);
    assert_eq!(faults.puts().len(), puts);
}

#[tokio::test]
async fn contradiction_reports_the_type_in_the_lake_and_puts_nothing() {
    let faults = Faults::new();
    let store = Store::in_memory().with_faults(&faults);
    let mut first = schemas(&store).await;
    let mut second = schemas(&store).await;
    assert_eq!(ensured(&mut first, "account", &[NAME, SIZE]).await, 1);
    // The second writer learns the schema when it finds the name taken.
    let contradicting = columns(&[("size", "text"), OWNER]);
    let result = second.ensure("account", &contradicting).await.unwrap();
    let Ensured::Contradiction { column, lake, file, schema } = result else { panic!("{result:?}") };
    assert_eq!((column.as_str(), lake.as_str(), file.as_str()), ("size", "int64", "text"));
    assert_eq!(schema.types(), types(&[NAME, SIZE]));
    assert_eq!(
        second.ensure("account", &contradicting).await.unwrap(),
        first.ensure("account", &contradicting).await.unwrap()
    );
    assert!(!faults.puts().iter().any(|key| key.ends_with("/2.json")), "{:?}", faults.puts());
    assert_eq!(ensured(&mut second, "account", &[SIZE, OWNER]).await, 2);
}

#[tokio::test]
async fn concurrent_writers_keep_the_columns_of_both() {
    use PutFault::{DeliveredLate, RequestLost, ResponseLost};
    for fault in [RequestLost, ResponseLost, DeliveredLate] {
        let store = Store::in_memory();
        let faults = Faults::new();
        let mut first = schemas(&store.with_faults(&faults)).await;
        let mut second = schemas(&store).await;
        faults.next_put("schema", fault);
        assert_eq!(ensured(&mut first, "account", &[NAME]).await, 1);
        assert_eq!(ensured(&mut second, "account", &[SIZE]).await, 2);
        faults.deliver_late().await;
        assert_eq!(ensured(&mut first, "account", &[OWNER]).await, 3);
        assert_eq!(schemas(&store).await.table("account").unwrap().types(), types(&[NAME, SIZE, OWNER]));
    }
}

#[tokio::test]
async fn rejects_a_chain_that_drops_a_column_or_a_field_id() {
    let changed = "changes column \"name\"";
    for (second, text) in [
        (r#""account","version":2,"columns":{"size":{"type":"int64","ids":[3]}}"#, changed),
        (r#""account","version":2,"columns":{"name":{"type":"uuid","ids":[2]}}"#, changed),
        (r#""account","version":2,"columns":{"name":{"type":"text","ids":[3]}}"#, changed),
        (r#""account","version":2,"columns":{"name":{"type":"text","ids":[2,1]}}"#, "has field id 1 "),
        (
            r#""account","version":2,"columns":{"name":{"type":"text","ids":[2]},"size":{"type":"int64","ids":[2]}}"#,
            "has field id 2 ",
        ),
        (
            r#""contact","version":2,"columns":{"name":{"type":"text","ids":[2]}}"#,
            "has schema 2 of table \"contact\"",
        ),
        (
            r#""account","version":3,"columns":{"name":{"type":"text","ids":[2]}}"#,
            "has schema 3 of table \"account\"",
        ),
    ] {
        let store = Store::in_memory();
        let mut schemas = schemas(&store).await;
        schemas.ensure("account", &columns(&[NAME])).await.unwrap();
        store.put(&paths::schema("account", 2), format!("{{\"table\":{second}}}").into()).await.unwrap();
        let error = schemas.ensure("account", &columns(&[OWNER])).await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.kind(), Kind::Fatal);
    }
}

/// The field ids of all columns, ordered by column name.
fn ids(schemas: &Schemas) -> Vec<(&str, &[i32])> {
    let columns = &schemas.table("account").unwrap().columns;
    columns.iter().map(|(name, column)| (name.as_str(), column.ids.as_slice())).collect()
}

#[tokio::test]
async fn columns_keep_their_first_field_ids() {
    let store = Store::in_memory();
    let (mut first, mut second) = (schemas(&store).await, schemas(&store).await);
    ensured(&mut first, "account", &[SIZE, NAME]).await;
    // The second writer learns these ids, and numbers its own column after them.
    ensured(&mut second, "account", &[OWNER, NAME]).await;
    assert_eq!(ids(&second), [("name", &[2][..]), ("owner", &[4]), ("size", &[3])]);
    // A list from table metadata has one id; the first file with the list adds those of its elements.
    ensured(&mut first, "account", &[("parties", "parties")]).await;
    let list = BTreeMap::from([("parties".to_owned(), FileColumn { type_name: "parties".into(), ids: 3 })]);
    second.ensure("account", &list).await.unwrap();
    assert_eq!(ids(&second)[2], ("parties", &[5, 6, 7][..]));
    ensured(&mut first, "account", &[("rank", "int32"), ("parties", "parties")]).await;
    assert_eq!(ids(&first)[2..4], [("parties", &[5, 6, 7][..]), ("rank", &[8])]);
}

#[tokio::test]
async fn ignores_members_of_later_versions() {
    let store = Store::in_memory();
    let later =
        r#"{"table":"account","version":1,"by":"x","columns":{"name":{"type":"text","ids":[2],"doc":"x"}}}"#;
    store.put(&paths::schema("account", 1), later.into()).await.unwrap();
    let mut schemas = schemas(&store).await;
    assert_eq!(ensured(&mut schemas, "account", &[NAME, SIZE]).await, 2);
}
