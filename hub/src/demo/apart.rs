//! What happens while three counties and the township are cut off.

use super::{Demo, Member, say, text};
use huiliu_core::model::DivisionCode;
use huiliu_core::model::messages::Say;
use huiliu_replica::commands::{Context, Listing, Request};
use huiliu_replica::service::home::Failure;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// How many counties are cut off, the township not counted.
const CUT: usize = 3;
/// The day of the moves.
const MOVED_ON: &str = "2026-09-01";

fn set(id: &str, fields: &[&str]) -> Request {
    Request::RecordSet { id: id.to_owned(), fields: fields.iter().map(|field| (*field).to_owned()).collect() }
}

impl Member {
    /// The records of a kind in the member's own division.
    async fn records(
        &self,
        kind: &str,
        limit: Option<usize>,
        context: Context,
    ) -> Result<Vec<Json>, Failure> {
        let division = Some(self.division().to_string());
        let list = Request::RecordList(Listing { kind: kind.into(), division, limit, ..Listing::default() });
        let listed = self.ask(list, context).await?;
        Ok(listed["records"].as_array().cloned().unwrap_or_default())
    }
}

impl Demo<'_> {
    /// Three counties and the township are cut off; both sides go on working. The county of which one more organization
    /// is covered afterwards.
    pub(super) async fn work_apart(&mut self) -> Result<Option<DivisionCode>, Failure> {
        let town = self.nodes.len() - 1;
        let mut cut: Vec<usize> = (0..town.min(CUT)).collect();
        cut.push(town);
        let names: Vec<String> = cut.iter().map(|at| self.nodes[*at].name.clone()).collect();
        for at in cut {
            self.nodes[at].running.dialing = None;
        }
        say(self.global, &Say::DemoCut { names: names.join("、") });
        self.change_the_same().await?;
        self.make_a_new_one(&self.nodes[town]).await?;
        self.move_a_member(&self.nodes[town.min(CUT) / 2]).await?;
        let changed = self.cover_one(&self.nodes[town.min(CUT) - 1]).await?;
        self.show(&Say::DemoApart).await?;
        Ok(changed)
    }

    /// The first county and the hub write the same field of one organization, and other fields.
    async fn change_the_same(&self) -> Result<(), Failure> {
        let county = &self.nodes[0];
        let records = county.records("social_org", Some(2), self.context("")).await?;
        let [first, second] = records.as_slice() else { return Ok(()) };
        let (first, second) = (text(&first["id"]), text(&second["id"]));
        county.ask(set(&first, &["legal_rep_name=甲某"]), self.context("区县经办")).await?;
        self.hub.ask(set(&first, &["legal_rep_name=乙某"]), self.context("市级经办")).await?;
        self.hub.ask(set(&first, &["address=市级登记的住所"]), self.context("市级经办")).await?;
        county.ask(set(&second, &["staff_full=12"]), self.context("区县经办")).await?;
        Ok(())
    }

    /// The township files an organization that nobody else has.
    async fn make_a_new_one(&self, town: &Member) -> Result<(), Failure> {
        let fields = vec![format!("name={}新设协会", town.name), "org_type=BA".to_owned()];
        let new = Request::RecordNew { kind: "social_org".into(), division: None, fields };
        town.ask(new, self.context("街道经办")).await.map(|_| ())
    }

    /// A member of a county goes from one branch to another.
    async fn move_a_member(&self, county: &Member) -> Result<(), Failure> {
        let who = || self.context("区县经办");
        let affiliations = county.records("affiliation", Some(1), who()).await?;
        let branches = county.records("party_org", None, who()).await?;
        let Some(old) = affiliations.first() else { return Ok(()) };
        let (person, branch) = (text(&old["fields"]["person"]), text(&old["fields"]["party_org"]));
        let Some(new) = branches.iter().find(|other| text(&other["id"]) != branch) else { return Ok(()) };
        county.ask(set(&text(&old["id"]), &[&format!("to={MOVED_ON}")]), who()).await?;
        let fields = vec![
            format!("person={person}"),
            format!("party_org={}", text(&new["id"])),
            format!("from={MOVED_ON}"),
        ];
        let made = Request::RecordNew { kind: "affiliation".into(), division: None, fields };
        county.ask(made, who()).await?;
        county.ask(set(&person, &[&format!("division={}", text(&new["division"]))]), who()).await?;
        say(
            self.global,
            &Say::DemoMoved { name: county.name.clone(), branch: text(&new["fields"]["full_name"]) },
        );
        Ok(())
    }

    /// An organization that nobody covers, and that need not have a branch, is covered jointly with others.
    async fn cover_one(&self, county: &Member) -> Result<Option<DivisionCode>, Failure> {
        let who = || self.context("区县经办");
        let organizations = county.records("social_org", None, who()).await?;
        let branches = county.records("party_org", Some(1), who()).await?;
        let gaps: BTreeSet<&str> = self.answers.gaps.iter().map(|gap| gap.uscc.as_str()).collect();
        let is_open = |record: &&Json| {
            let fields = &record["fields"];
            let is_legal_person = fields["sub_type"].is_null() || fields["sub_type"] == "LEGAL_PERSON";
            fields["status"] == "NORMAL"
                && fields["org_type"] != "BA"
                && is_legal_person
                && fields["party_org"].is_null()
                && fields["build_mode"].is_null()
                && fields["registration_authority"] == county.division().to_string()
                && !gaps.contains(fields["uscc"].as_str().unwrap_or_default())
        };
        let Some((one, branch)) = organizations.iter().find(is_open).zip(branches.first()) else {
            return Ok(None);
        };
        let fields = [format!("party_org={}", text(&branch["id"])), "build_mode=JOINT".to_owned()];
        county.ask(set(&text(&one["id"]), &[&fields[0], &fields[1]]), who()).await?;
        say(self.global, &Say::DemoCovered { name: text(&one["fields"]["name"]) });
        Ok(Some(county.division()))
    }
}
