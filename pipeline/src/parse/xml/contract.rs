//! The data contract: forms of members, items, types and pairs.
//!
//! Owns: the SDK's classes that events usually contain. Does not own: reading a form (`walk`, `values`), rare classes
//! (`classes`). Content without a known form is read by its shape.
//!
//! # Source
//! Schema reference, sections 1 to 3, and `Microsoft.Xrm.Sdk` 9.0.

use super::form::{Class, Form};
use super::names::Namespace;
use super::{classes, enums};

/// The form of a member of an unknown class. The lists of records and references are lists even when they are empty.
pub(super) fn form_of_unknown(name: &str) -> Form {
    match name {
        "Attributes" | "FormattedValues" | "KeyAttributes" | "RelatedEntities" => Form::List,
        _ => Form::Any,
    }
}

/// The form of a type that an element states; `None` if the type is unknown.
pub(super) fn form_of_type(namespace: Namespace, name: &str) -> Option<Form> {
    if name.starts_with("ArrayOf") {
        return Some(Form::List);
    }
    match namespace {
        Namespace::Schema | Namespace::Serialization => simple_form(name),
        Namespace::Sdk => sdk_form(name).or_else(|| is_collection(name).then_some(Form::List)),
        _ => None,
    }
}

/// The form of a list's item, by the name of its element.
pub(super) fn form_of_item(namespace: Namespace, name: &str) -> Form {
    let form = match namespace {
        Namespace::Arrays => simple_form(name),
        Namespace::Sdk => sdk_form(name),
        _ => None,
    };
    form.unwrap_or(Form::Any)
}

/// The forms of a pair's key and value, by the name of its element; `None` if it is not a pair.
///
/// Such a name ends in a hash of namespaces, which is ignored.
pub(super) fn forms_of_pair(name: &str) -> Option<(Form, Form)> {
    let types = types_of_pair(name)?;
    let (key, value) = if let Some(value) = types.strip_prefix("string") {
        (Form::Text, value)
    } else if let Some(value) = types.strip_prefix("Relationship") {
        (Form::Class(&RELATIONSHIP), value)
    } else {
        return Some((Form::Any, Form::Any));
    };
    let value = match value {
        _ if value.starts_with("EntityCollection") => Form::Class(&ENTITY_COLLECTION),
        _ if value.starts_with("EntityReference") => Form::Class(&ENTITY_REFERENCE),
        _ if value.starts_with("Entity") => Form::Class(&ENTITY),
        _ => simple_form(value).or_else(|| enums::longest_prefix(value).map(Form::Enum)).unwrap_or(Form::Any),
    };
    Some((key, value))
}

/// The part of a pair's element name that names its types; `None` if it is not a pair.
pub(super) fn types_of_pair(name: &str) -> Option<&str> {
    name.strip_prefix("KeyValuePairOf").or_else(|| name.strip_prefix("KeyValueOf"))
}

/// The root element, and each parent context in it.
#[rustfmt::skip]
pub(super) static CONTEXT: Class = Class { name: "RemoteExecutionContext", members: &[
    ("BusinessUnitId", Form::Text), ("CorrelationId", Form::Text), ("Depth", Form::Number),
    ("InitiatingUserAgent", Form::Text), ("InitiatingUserAzureActiveDirectoryObjectId", Form::Text),
    ("InitiatingUserId", Form::Text), ("InputParameters", Form::List), ("IsExecutingOffline", Form::Boolean),
    ("IsInTransaction", Form::Boolean), ("IsOfflinePlayback", Form::Boolean), ("IsolationMode", Form::Number),
    ("MessageName", Form::Text), ("Mode", Form::Number), ("OperationCreatedOn", Form::Date),
    ("OperationId", Form::Text), ("OrganizationId", Form::Text), ("OrganizationName", Form::Text),
    ("OutputParameters", Form::List), ("OwningExtension", Form::Class(&ENTITY_REFERENCE)),
    ("ParentContext", Form::Class(&CONTEXT)), ("PostEntityImages", Form::List), ("PreEntityImages", Form::List),
    ("PrimaryEntityId", Form::Text), ("PrimaryEntityName", Form::Text), ("RequestId", Form::Text),
    ("SecondaryEntityName", Form::Text), ("SharedVariables", Form::List), ("Stage", Form::Number),
    ("UserAzureActiveDirectoryObjectId", Form::Text), ("UserId", Form::Text),
] };

#[rustfmt::skip]
static ENTITY: Class = Class { name: "Entity", members: &[
    ("Attributes", Form::List), ("EntityState", Form::Enum(&enums::ENTITY_STATE)), ("FormattedValues", Form::List),
    ("Id", Form::Text), ("KeyAttributes", Form::List), ("LogicalName", Form::Text), ("RelatedEntities", Form::List),
    ("RowVersion", Form::Text),
] };

#[rustfmt::skip]
static ENTITY_REFERENCE: Class = Class { name: "EntityReference", members: &[
    ("Id", Form::Text), ("KeyAttributes", Form::List), ("LogicalName", Form::Text), ("Name", Form::Text),
    ("RowVersion", Form::Text),
] };

#[rustfmt::skip]
static ENTITY_COLLECTION: Class = Class { name: "EntityCollection", members: &[
    ("Entities", Form::List), ("EntityName", Form::Text), ("MinActiveRowVersion", Form::Text),
    ("MoreRecords", Form::Boolean), ("PagingCookie", Form::Text), ("TotalRecordCount", Form::Number),
    ("TotalRecordCountLimitExceeded", Form::Boolean),
] };

static OPTION_SET_VALUE: Class = Class { name: "OptionSetValue", members: &[("Value", Form::Number)] };

static MONEY: Class = Class { name: "Money", members: &[("Value", Form::Number)] };

#[rustfmt::skip]
static RELATIONSHIP: Class = Class { name: "Relationship", members: &[
    ("PrimaryEntityRole", Form::Enum(&enums::ENTITY_ROLE)), ("SchemaName", Form::Text),
] };

#[rustfmt::skip]
static ALIASED_VALUE: Class = Class { name: "AliasedValue", members: &[
    ("AttributeLogicalName", Form::Text), ("EntityLogicalName", Form::Text), ("NeedFormatting", Form::Boolean),
    ("ReturnType", Form::Number), ("Value", Form::Any),
] };

#[rustfmt::skip]
static BOOLEAN_MANAGED_PROPERTY: Class = Class { name: "BooleanManagedProperty", members: &[
    ("CanBeChanged", Form::Boolean), ("ManagedPropertyLogicalName", Form::Text), ("Value", Form::Boolean),
] };

#[rustfmt::skip]
static COLUMN_SET: Class = Class { name: "ColumnSet", members: &[
    ("AllColumns", Form::Boolean), ("AttributeExpressions", Form::List), ("Columns", Form::List),
] };

#[rustfmt::skip]
static ATTRIBUTE_EXPRESSION: Class = Class { name: "XrmAttributeExpression", members: &[
    ("AggregateType", Form::Enum(&enums::AGGREGATE_TYPE)), ("Alias", Form::Text), ("AttributeName", Form::Text),
    ("DateTimeGrouping", Form::Enum(&enums::DATE_TIME_GROUPING_TYPE)), ("HasGroupBy", Form::Boolean),
] };

#[rustfmt::skip]
static CONDITION: Class = Class { name: "ConditionExpression", members: &[
    ("AttributeName", Form::Text), ("CompareColumns", Form::Boolean),
    ("Operator", Form::Enum(&enums::CONDITION_OPERATOR)), ("Values", Form::List), ("EntityName", Form::Text),
] };

#[rustfmt::skip]
static FILTER: Class = Class { name: "FilterExpression", members: &[
    ("Conditions", Form::List), ("FilterOperator", Form::Enum(&enums::LOGICAL_OPERATOR)), ("Filters", Form::List),
    ("IsQuickFindFilter", Form::Boolean), ("FilterHint", Form::Text), ("AnyAllFilterLinkEntity", Form::Class(&LINK_ENTITY)),
] };

#[rustfmt::skip]
static LINK_ENTITY: Class = Class { name: "LinkEntity", members: &[
    ("Columns", Form::Class(&COLUMN_SET)), ("EntityAlias", Form::Text), ("JoinOperator", Form::Enum(&enums::JOIN_OPERATOR)),
    ("LinkCriteria", Form::Class(&FILTER)), ("LinkEntities", Form::List), ("LinkFromAttributeName", Form::Text),
    ("LinkFromEntityName", Form::Text), ("LinkToAttributeName", Form::Text), ("LinkToEntityName", Form::Text),
    ("Orders", Form::List), ("ForceSeek", Form::Text),
] };

#[rustfmt::skip]
static ORDER: Class = Class { name: "OrderExpression", members: &[
    ("Alias", Form::Text), ("AttributeName", Form::Text), ("EntityName", Form::Text),
    ("OrderType", Form::Enum(&enums::ORDER_TYPE)),
] };

#[rustfmt::skip]
static PAGING: Class = Class { name: "PagingInfo", members: &[
    ("Count", Form::Number), ("PageNumber", Form::Number), ("PagingCookie", Form::Text),
    ("ReturnTotalRecordCount", Form::Boolean),
] };

#[rustfmt::skip]
static QUERY_EXPRESSION: Class = Class { name: "QueryExpression", members: &[
    ("ColumnSet", Form::Class(&COLUMN_SET)), ("Criteria", Form::Class(&FILTER)), ("Distinct", Form::Boolean),
    ("EntityName", Form::Text), ("LinkEntities", Form::List), ("Orders", Form::List),
    ("PageInfo", Form::Class(&PAGING)), ("NoLock", Form::Boolean), ("TopCount", Form::Number),
    ("QueryHints", Form::Text), ("DataSource", Form::Text), ("ForceSeek", Form::Text), ("SubQueryExpression", Form::Class(&QUERY_EXPRESSION)),
] };

#[rustfmt::skip]
static QUERY_BY_ATTRIBUTE: Class = Class { name: "QueryByAttribute", members: &[
    ("Attributes", Form::List), ("ColumnSet", Form::Class(&COLUMN_SET)), ("EntityName", Form::Text),
    ("Orders", Form::List), ("PageInfo", Form::Class(&PAGING)), ("Values", Form::List), ("TopCount", Form::Number),
] };

#[rustfmt::skip]
static PRINCIPAL_ACCESS: Class = Class { name: "PrincipalAccess", members: &[
    ("AccessMask", Form::Enum(&enums::ACCESS_RIGHTS)), ("Principal", Form::Class(&ENTITY_REFERENCE)),
] };

static FETCH_EXPRESSION: Class = Class { name: "FetchExpression", members: &[("Query", Form::Text)] };

fn sdk_form(name: &str) -> Option<Form> {
    class_of(name).map(Form::Class).or_else(|| enums::enumeration(name).map(Form::Enum))
}

/// The class of a contract name.
pub(super) fn class_of(name: &str) -> Option<&'static Class> {
    Some(match name {
        "AliasedValue" => &ALIASED_VALUE,
        "BooleanManagedProperty" => &BOOLEAN_MANAGED_PROPERTY,
        "ColumnSet" => &COLUMN_SET,
        "ConditionExpression" => &CONDITION,
        "Entity" => &ENTITY,
        "EntityCollection" => &ENTITY_COLLECTION,
        "EntityReference" => &ENTITY_REFERENCE,
        "FetchExpression" => &FETCH_EXPRESSION,
        "FilterExpression" => &FILTER,
        "LinkEntity" => &LINK_ENTITY,
        "Money" => &MONEY,
        "OptionSetValue" => &OPTION_SET_VALUE,
        "OrderExpression" => &ORDER,
        "PagingInfo" => &PAGING,
        "PrincipalAccess" => &PRINCIPAL_ACCESS,
        "QueryByAttribute" => &QUERY_BY_ATTRIBUTE,
        "QueryExpression" => &QUERY_EXPRESSION,
        "Relationship" => &RELATIONSHIP,
        "RemoteExecutionContext" => &CONTEXT,
        "AttributeExpression" | "XrmAttributeExpression" => &ATTRIBUTE_EXPRESSION,
        _ => return classes::class_of(name),
    })
}

/// True for an unknown class of the SDK that the serializer writes as a list of its items.
fn is_collection(name: &str) -> bool {
    name.ends_with("Collection")
}

/// The form of a type of XML Schema or of the serializer.
fn simple_form(name: &str) -> Option<Form> {
    Some(match name {
        "string" | "guid" | "duration" | "anyURI" | "QName" | "date" | "time" => Form::Text,
        "boolean" => Form::Boolean,
        "byte" | "unsignedByte" | "short" | "unsignedShort" | "int" | "unsignedInt" | "long"
        | "unsignedLong" | "integer" | "decimal" | "float" | "double" => Form::Number,
        "dateTime" => Form::Date,
        "char" => Form::Char,
        "base64Binary" => Form::Bytes,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_named_in_the_table_exists() {
        for (class, member, name) in classes::named_classes() {
            assert!(class_of(name).is_some(), "{class}.{member} names the unknown class {name}");
        }
    }
}
