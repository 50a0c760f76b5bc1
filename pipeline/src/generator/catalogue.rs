//! The tables of generated events, and their columns.
//!
//! Logical names, choices and labels are those of a new Dynamics 365 Sales and Service environment; the last table is a
//! custom one. Strings are stored in their JSON form, with escapes.

/// A Dataverse table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The primary key column.
    pub(super) key: &'static str,
    /// Percentage of events about this table.
    pub(super) weight: usize,
    /// The columns; the first is the primary name.
    pub(super) columns: &'static [Column],
}

/// A column of a table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Percentage of values that are null.
    pub(super) null_percent: usize,
}

/// Type of a column, and the range of its values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Company, person or subject: a phrase of the first list, followed by one of the second if that is not empty.
    Name(&'static [&'static str], &'static [&'static str]),
    /// Short text with this maximum number of words.
    Text(usize),
    /// Long text with line breaks.
    Memo,
    Phone,
    Email,
    Url,
    Choice(&'static [(i32, &'static str)]),
    Choices(&'static [(i32, &'static str)]),
    /// Amount up to this maximum in currency units, with four decimals.
    Money(i64),
    /// Number with ten decimals.
    Decimal,
    /// Double between -180 and 180.
    Degrees,
    /// Integer from 0 to this maximum.
    Integer(i64),
    /// Labels of false and true.
    Boolean(&'static str, &'static str),
    Date,
    /// Date at midnight.
    Day,
    /// Reference to a record of this table.
    Lookup(&'static str),
    Guid,
    Image,
}

const fn column(name: &'static str, null_percent: usize, kind: Kind) -> Column {
    Column { name, kind, null_percent }
}

/// All tables; their weights add up to 100.
pub(super) const TABLES: [&Table; 6] = [&ACCOUNT, &CONTACT, &OPPORTUNITY, &INCIDENT, &TASK, &PROJECT];

/// Upper bound on the columns of a table.
pub(super) const MAX_COLUMNS: usize = 32;

const _: () = {
    let (mut weights, mut table) = (0, 0);
    while table < TABLES.len() {
        assert!(TABLES[table].columns.len() <= MAX_COLUMNS);
        weights += TABLES[table].weight;
        table += 1;
    }
    assert!(weights == 100);
};

const ACCOUNT: Table = Table {
    name: "account",
    key: "accountid",
    weight: 25,
    columns: &[
        column("name", 0, Kind::Name(COMPANIES, COMPANY_ENDINGS)),
        column("telephone1", 5, Kind::Phone),
        column("revenue", 5, Kind::Money(90_000_000)),
        column("industrycode", 5, Kind::Choice(INDUSTRIES)),
        column("primarycontactid", 10, Kind::Lookup("contact")),
        column("numberofemployees", 5, Kind::Integer(40_000)),
        column("creditonhold", 0, Kind::Boolean("No", "Yes")),
        column("statecode", 0, Kind::Choice(STATES)),
        column("statuscode", 0, Kind::Choice(STATUSES)),
        column("emailaddress1", 10, Kind::Email),
        column("websiteurl", 15, Kind::Url),
        column("address1_line1", 10, Kind::Text(4)),
        column("address1_city", 10, Kind::Name(CITIES, &[])),
        column("address1_latitude", 20, Kind::Degrees),
        column("exchangerate", 0, Kind::Decimal),
        column("creditlimit", 30, Kind::Money(500_000)),
        column("ownerid", 0, Kind::Lookup("systemuser")),
        column("transactioncurrencyid", 0, Kind::Lookup("transactioncurrency")),
        column("lastusedincampaign", 40, Kind::Date),
        column("customertypecode", 20, Kind::Choice(INDUSTRIES)),
        column("donotemail", 0, Kind::Boolean("Allow", "Do Not Allow")),
        column("donotphone", 0, Kind::Boolean("Allow", "Do Not Allow")),
        column("parentaccountid", 50, Kind::Lookup("account")),
        column("tickersymbol", 50, Kind::Text(1)),
        column("new_channels", 20, Kind::Choices(CHANNELS)),
        column("entityimage", 20, Kind::Image),
        column("description", 15, Kind::Memo),
    ],
};

const CONTACT: Table = Table {
    name: "contact",
    key: "contactid",
    weight: 25,
    columns: &[
        column("fullname", 0, Kind::Name(FIRST_NAMES, LAST_NAMES)),
        column("jobtitle", 10, Kind::Text(3)),
        column("emailaddress1", 5, Kind::Email),
        column("mobilephone", 10, Kind::Phone),
        column("parentcustomerid", 10, Kind::Lookup("account")),
        column("birthdate", 30, Kind::Day),
        column("gendercode", 30, Kind::Choice(GENDERS)),
        column("statecode", 0, Kind::Choice(STATES)),
        column("statuscode", 0, Kind::Choice(STATUSES)),
        column("donotemail", 0, Kind::Boolean("Allow", "Do Not Allow")),
        column("creditlimit", 40, Kind::Money(90_000)),
        column("address1_line1", 10, Kind::Text(4)),
        column("address1_city", 10, Kind::Name(CITIES, &[])),
        column("address1_country", 10, Kind::Text(1)),
        column("numberofchildren", 40, Kind::Integer(6)),
        column("ownerid", 0, Kind::Lookup("systemuser")),
        column("lastonholdtime", 50, Kind::Date),
        column("new_interests", 20, Kind::Choices(CHANNELS)),
        column("new_externalid", 20, Kind::Guid),
        column("exchangerate", 10, Kind::Decimal),
        column("address1_longitude", 30, Kind::Degrees),
        column("websiteurl", 30, Kind::Url),
        column("entityimage", 20, Kind::Image),
        column("description", 15, Kind::Memo),
    ],
};

const OPPORTUNITY: Table = Table {
    name: "opportunity",
    key: "opportunityid",
    weight: 15,
    columns: &[
        column("name", 0, Kind::Name(SUBJECTS, COMPANIES)),
        column("estimatedvalue", 5, Kind::Money(2_000_000)),
        column("estimatedclosedate", 10, Kind::Day),
        column("closeprobability", 5, Kind::Integer(100)),
        column("customerid", 0, Kind::Lookup("account")),
        column("opportunityratingcode", 5, Kind::Choice(RATINGS)),
        column("statecode", 0, Kind::Choice(STATES)),
        column("statuscode", 0, Kind::Choice(STATUSES)),
        column("totalamount", 20, Kind::Money(2_000_000)),
        column("discountpercentage", 30, Kind::Decimal),
        column("isrevenuesystemcalculated", 0, Kind::Boolean("User Provided", "System Calculated")),
        column("exchangerate", 0, Kind::Decimal),
        column("ownerid", 0, Kind::Lookup("systemuser")),
        column("parentcontactid", 20, Kind::Lookup("contact")),
        column("actualclosedate", 50, Kind::Day),
        column("budgetamount", 40, Kind::Money(3_000_000)),
        column("new_channels", 20, Kind::Choices(CHANNELS)),
        column("stepname", 20, Kind::Text(3)),
        column("customerneed", 20, Kind::Memo),
    ],
};

const INCIDENT: Table = Table {
    name: "incident",
    key: "incidentid",
    weight: 15,
    columns: &[
        column("title", 0, Kind::Name(SUBJECTS, &[])),
        column("prioritycode", 0, Kind::Choice(RATINGS)),
        column("customerid", 0, Kind::Lookup("contact")),
        column("statecode", 0, Kind::Choice(STATES)),
        column("statuscode", 0, Kind::Choice(STATUSES)),
        column("escalatedon", 60, Kind::Date),
        column("isescalated", 0, Kind::Boolean("No", "Yes")),
        column("ticketnumber", 0, Kind::Text(1)),
        column("ownerid", 0, Kind::Lookup("systemuser")),
        column("caseorigincode", 10, Kind::Choice(CHANNELS)),
        column("numberofchildincidents", 20, Kind::Integer(12)),
        column("responseby", 20, Kind::Date),
        column("emailaddress", 20, Kind::Email),
        column("new_refund", 60, Kind::Money(2_000)),
        column("new_tags", 30, Kind::Choices(CHANNELS)),
        column("exchangerate", 10, Kind::Decimal),
        column("description", 10, Kind::Memo),
    ],
};

const TASK: Table = Table {
    name: "task",
    key: "activityid",
    weight: 12,
    columns: &[
        column("subject", 0, Kind::Name(SUBJECTS, FIRST_NAMES)),
        column("scheduledend", 10, Kind::Date),
        column("prioritycode", 0, Kind::Choice(RATINGS)),
        column("regardingobjectid", 10, Kind::Lookup("opportunity")),
        column("actualdurationminutes", 10, Kind::Integer(480)),
        column("percentcomplete", 5, Kind::Integer(100)),
        column("statecode", 0, Kind::Choice(STATES)),
        column("statuscode", 0, Kind::Choice(STATUSES)),
        column("isbilled", 0, Kind::Boolean("No", "Yes")),
        column("ownerid", 0, Kind::Lookup("systemuser")),
        column("scheduledstart", 20, Kind::Date),
        column("category", 40, Kind::Text(2)),
        column("exchangerate", 10, Kind::Decimal),
        column("new_tags", 30, Kind::Choices(CHANNELS)),
        column("description", 10, Kind::Memo),
    ],
};

const PROJECT: Table = Table {
    name: "new_project",
    key: "new_projectid",
    weight: 8,
    columns: &[
        column("new_name", 0, Kind::Name(SUBJECTS, CITIES)),
        column("new_budget", 5, Kind::Money(80_000_000)),
        column("new_progress", 5, Kind::Decimal),
        column("new_phase", 5, Kind::Choice(INDUSTRIES)),
        column("new_tags", 10, Kind::Choices(CHANNELS)),
        column("new_active", 0, Kind::Boolean("No", "Yes")),
        column("new_headcount", 10, Kind::Integer(900)),
        column("new_begin", 5, Kind::Day),
        column("new_reviewedon", 20, Kind::Date),
        column("new_customer", 10, Kind::Lookup("account")),
        column("new_latitude", 20, Kind::Degrees),
        column("new_externalid", 20, Kind::Guid),
        column("new_site", 20, Kind::Url),
        column("statecode", 0, Kind::Choice(STATES)),
        column("statuscode", 0, Kind::Choice(STATUSES)),
        column("ownerid", 0, Kind::Lookup("systemuser")),
        column("exchangerate", 10, Kind::Decimal),
        column("new_picture", 40, Kind::Image),
        column("new_notes", 15, Kind::Memo),
    ],
};

const STATES: &[(i32, &str)] = &[(0, "Active"), (1, "Inactive")];
const STATUSES: &[(i32, &str)] = &[(1, "Active"), (2, "Inactive"), (100_000_001, r"Waiting \/ blocked")];
const GENDERS: &[(i32, &str)] = &[(1, "Male"), (2, "Female")];
const RATINGS: &[(i32, &str)] = &[(1, "Hot"), (2, "Warm"), (3, "Cold")];
const INDUSTRIES: &[(i32, &str)] =
    &[(1, "Accounting"), (6, "Building \u{201e}Süd\u{201c}"), (14, r"Food \/ Beverages"), (33, "Wholesale")];
const CHANNELS: &[(i32, &str)] = &[
    (100_000_000, "Phone"),
    (100_000_001, "E-mail"),
    (100_000_002, "Web"),
    (100_000_003, "Messe"),
    (100_000_004, r"Chat \ud83d\ude42"),
];

// Words and phrases in their JSON form.
pub(super) const COMPANIES: &[&str] = &[
    "Contoso",
    "Fabrikam",
    "Adventure Works",
    "Alpine Ski House",
    "Blåbær",
    "Litware",
    "Müller & Söhne",
    "Northwind",
    r"A\/S Havfisk",
    "Żubr",
    "東京商事",
    r#"\"Best\" Foods"#,
];
const COMPANY_ENDINGS: &[&str] = &["AG", "GmbH", "Inc.", "Ltd.", "S.A.", "Oy", "(sample)"];
pub(super) const FIRST_NAMES: &[&str] =
    &["Anna", "Björn", "Chloé", "Dmitri", "Elif", "Farid", "Grażyna", "Hanako", "Iván", "Jane"];
pub(super) const LAST_NAMES: &[&str] =
    &["Andersson", "Brown", "Çelik", "Doe", "Eriksen", "García", "O'Neill", "Nowak", "Tanaka", "Weiß"];
const CITIES: &[&str] =
    &["Aarhus", "Berlin", "Château-d'Œx", "Kraków", "Lisboa", "Oslo", "São Paulo", "Zürich", "大阪"];
const SUBJECTS: &[&str] = &[
    "Renewal of",
    "Call back",
    "Broken display",
    r"Offer 24\/7 support",
    r#"Re: \"urgent\" delivery"#,
    r"Wunsch\u000aliste",
    "10 % discount",
    r"Launch \ud83d\ude80",
    "Café equipment",
];
/// Words of running text.
pub(super) const WORDS: &[&str] = &[
    "the",
    "customer",
    "asked",
    "for",
    "an",
    "offer",
    "and",
    "we",
    "agreed",
    "on",
    "Tuesday,",
    "delivery",
    "is",
    "late.",
    "Bitte",
    "zurückrufen!",
    "prévu",
    "price",
    "100",
    "€",
    r"24\/7",
    r#"\"soon\""#,
    r"C:\\Temp",
    r"\ud83d\ude00",
    "naïve",
    "再送",
    "meeting",
    "room",
    "shipped",
    "invoice",
    "contact",
];
/// Separators between some words of long text.
pub(super) const BREAKS: &[&str] = &[r"\u000a", r"\u000d\u000a", r"\u0009", r"\u2028", r" \u000b", r"\u0085"];
