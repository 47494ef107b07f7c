//! What a made-up city consists of. Things name one another by their place in its lists.

use super::organizations::organizations;
use super::places::Places;
use huiliu_core::model::{Date, DivisionCode, Divisions};

/// What is asked for: all that decides what is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// The same for the same seed.
    pub seed: u64,
    /// A city, with all its counties; or a county.
    pub division: DivisionCode,
    /// How many organizations are registered there.
    pub organizations: usize,
    /// The day on which it is looked at; nothing in it is later.
    pub as_of: Date,
}

/// A made-up city, before anything is written badly.
#[derive(Clone, Debug)]
pub(super) struct City {
    pub(super) order: Order,
    pub(super) places: Places,
    pub(super) organizations: Vec<Organization>,
    pub(super) persons: Vec<Person>,
    pub(super) engagements: Vec<Engagement>,
    pub(super) party_orgs: Vec<PartyOrg>,
    pub(super) affiliations: Vec<Affiliation>,
    pub(super) posts: Vec<Post>,
    pub(super) instructors: Vec<Instructor>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) centers: Vec<Center>,
}

/// `social_org`.
#[derive(Clone, Debug)]
pub(super) struct Organization {
    pub(super) folder: usize,
    pub(super) town: Option<usize>,
    /// 1 association, 2 service institution, 3 foundation, as in the credit code.
    pub(super) form: u8,
    pub(super) uscc: String,
    pub(super) name: String,
    pub(super) sector: usize,
    pub(super) status: &'static str,
    pub(super) legal_rep: String,
    pub(super) founded: Date,
    pub(super) certificate: (Date, Date),
    pub(super) capital: i64,
    pub(super) address: String,
    /// Nobody, one unit, or two of them in one cell.
    pub(super) supervisor: Option<String>,
    pub(super) staff: (usize, usize),
    /// Units and persons that are members of an association.
    pub(super) founders: Option<(usize, usize)>,
    pub(super) charity: bool,
    pub(super) grade: Option<&'static str>,
    pub(super) annual_result: Option<&'static str>,
    /// How many Party members the recipe gives it (DOMAIN 4.1).
    pub(super) members: usize,
    /// The Party organization that covers it, and how.
    pub(super) covered: Option<(usize, &'static str)>,
    /// A township of another county that stands there by mistake.
    pub(super) recoded: Option<DivisionCode>,
    /// Whether another organization has the same name.
    pub(super) name_shared: bool,
}

/// `person`.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) folder: usize,
    pub(super) town: Option<usize>,
    pub(super) name: String,
    pub(super) id_number: String,
    /// 1 a man, 2 a woman.
    pub(super) sex: u8,
    pub(super) birth: Date,
    pub(super) ethnicity: &'static str,
    pub(super) education: &'static str,
    pub(super) phone: String,
    pub(super) kind: &'static str,
    pub(super) joined: Option<Date>,
    pub(super) full: Option<Date>,
}

/// `engagement`.
#[derive(Clone, Debug)]
pub(super) struct Engagement {
    pub(super) person: usize,
    pub(super) organization: usize,
    pub(super) full_time: bool,
    pub(super) post: &'static str,
    pub(super) from: Date,
    pub(super) to: Option<Date>,
}

/// What a Party organization is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// It is one of social organizations.
    Ours,
    /// The committee of the authority above those.
    Above,
    /// A branch of an office or a community, in which members work elsewhere.
    Outside,
}

/// `party_org`.
#[derive(Clone, Debug)]
pub(super) struct PartyOrg {
    pub(super) folder: usize,
    /// Where it is; none if it is the authority's own.
    pub(super) town: Option<usize>,
    pub(super) purpose: Purpose,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) build_mode: Option<&'static str>,
    pub(super) approved_by: String,
    pub(super) approval_doc: String,
    pub(super) approved: Date,
    pub(super) founded: Date,
    pub(super) superior: Option<usize>,
    pub(super) elected: Date,
    pub(super) term_years: u16,
}

impl PartyOrg {
    /// The day on which its term ends.
    pub(super) fn term_end(&self) -> Date {
        self.elected.plus_years(self.term_years).unwrap_or(self.elected)
    }
}

/// `affiliation`: all of them are current.
#[derive(Clone, Debug)]
pub(super) struct Affiliation {
    pub(super) person: usize,
    pub(super) party_org: usize,
    pub(super) from: Date,
}

/// `post`.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) person: usize,
    pub(super) party_org: usize,
    pub(super) role: &'static str,
    pub(super) from: Date,
}

/// `instructor`.
#[derive(Clone, Debug)]
pub(super) struct Instructor {
    pub(super) person: usize,
    pub(super) role: &'static str,
    pub(super) source: &'static str,
    pub(super) appointed_by: String,
    pub(super) from: Date,
    pub(super) to: Option<Date>,
}

/// `instructor_assignment`.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) instructor: usize,
    pub(super) organization: usize,
    pub(super) from: Date,
    pub(super) to: Option<Date>,
    pub(super) status: &'static str,
}

/// `service_center`.
#[derive(Clone, Debug)]
pub(super) struct Center {
    pub(super) folder: usize,
    pub(super) place: DivisionCode,
    pub(super) name: String,
    pub(super) level: &'static str,
    pub(super) legal_form: &'static str,
    pub(super) uscc: Option<String>,
    pub(super) opened: Option<Date>,
    pub(super) status: &'static str,
    pub(super) checks: String,
}

impl City {
    /// Its organizations; nobody works there yet.
    pub(super) fn of(order: &Order, divisions: &Divisions) -> Self {
        let places = Places::of(order.division, order.organizations, divisions);
        Self {
            order: order.clone(),
            organizations: organizations(order, &places),
            places,
            persons: Vec::new(),
            engagements: Vec::new(),
            party_orgs: Vec::new(),
            affiliations: Vec::new(),
            posts: Vec::new(),
            instructors: Vec::new(),
            assignments: Vec::new(),
            centers: Vec::new(),
        }
    }

    /// Whether an engagement counts on the day.
    pub(super) fn is_current(&self, engagement: &Engagement) -> bool {
        let day = self.order.as_of;
        engagement.from <= day && engagement.to.is_none_or(|to| to >= day)
    }

    /// The organizations of each folder.
    pub(super) fn by_folder(&self) -> Vec<Vec<usize>> {
        let mut of_folder = vec![Vec::new(); self.places.folders.len()];
        for (at, one) in self.organizations.iter().enumerate() {
            of_folder[one.folder].push(at);
        }
        of_folder
    }

    /// The folder of an organization, and so of what lies with it.
    pub(super) fn folder_of(&self, organization: usize) -> usize {
        self.organizations[organization].folder
    }
}

/// A day so many days earlier; the day itself where the calendar ends.
pub(super) fn earlier(day: Date, days: i64) -> Date {
    Date::from_days(day.days() - days).unwrap_or(day)
}
