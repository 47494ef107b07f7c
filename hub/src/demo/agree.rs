//! Whether all agree in the end: fingerprints, figures, and what is known of the made-up city.

use super::{AS_OF, Demo, is_equal, print, say, text};
use huiliu_core::model::ids::Level;
use huiliu_core::model::messages::Say;
use huiliu_core::model::{Date, DivisionCode};
use huiliu_replica::commands::words::aligned;
use huiliu_replica::commands::{Request, reports::Wanted};
use huiliu_replica::service::home::Failure;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// A report as of the day on which the city is looked at.
fn report(name: &str, division: DivisionCode) -> Request {
    let (year, month, day) = AS_OF;
    let as_of = Date::new(year, month, day).map(|day| day.to_string());
    Request::Report(Wanted { name: name.into(), division: Some(division.to_string()), as_of, file: None })
}

/// A share as people read it: 12（34.5%）.
fn share(cell: &Json) -> String {
    let rate = cell["rate"].as_f64().map_or_else(|| "-".to_owned(), |rate| format!("{:.1}%", rate * 100.0));
    format!("{}（{rate}）", cell["numerator"])
}

impl Demo<'_> {
    /// Everything in which they do not agree. `changed`: the county that covers one more than was made up.
    pub(super) async fn differences(&self, changed: Option<DivisionCode>) -> Result<Vec<String>, Failure> {
        let mut differences = self.unlevel().await?;
        differences.extend(self.figures(changed).await?);
        differences.extend(self.gaps().await?);
        Ok(differences)
    }

    /// Who has something else than the hub in what they share, or something that is not there yet.
    async fn unlevel(&self) -> Result<Vec<String>, Failure> {
        let mut differences = Vec::new();
        let hub = self.hub.ask(Request::Status, self.context("")).await?;
        for node in &self.nodes {
            let status = node.ask(Request::Status, self.context("")).await?;
            if !is_equal(&status, &hub) || status["pending"] != 0 {
                differences.push(Say::DemoFingerprints { name: node.name.clone() }.text(self.global.lang()));
            }
        }
        Ok(differences)
    }

    /// The table of coverage by county, the hub's figures beside the county's own.
    async fn figures(&self, changed: Option<DivisionCode>) -> Result<Vec<String>, Failure> {
        let lang = self.global.lang();
        let heads = [
            Say::WordUnit,
            Say::HeadBase,
            Say::HeadOrganization,
            Say::HeadSolo,
            Say::HeadWork,
            Say::WordSame,
        ];
        let mut lines = vec![heads.iter().map(|head| head.text(lang)).collect::<Vec<_>>()];
        let mut differences = Vec::new();
        for node in &self.nodes {
            let division = node.division();
            let at_hub = self.hub.ask(report("coverage", division), self.context("")).await?;
            let at_node = node.ask(report("coverage", division), self.context("")).await?;
            let same = at_hub["rows"] == at_node["rows"];
            let as_made = self.is_as_made(division, &at_hub["rows"][0], changed);
            for (place, said) in [(Say::WordHub.text(lang), &at_hub), (node.name.clone(), &at_node)] {
                let row = &said["rows"][0];
                let mut line = vec![format!("{}（{place}）", text(&row["name"])), row["base"].to_string()];
                line.extend(["organization", "solo", "work"].map(|cell| share(&row[cell])));
                line.push(if same && as_made { Say::WordYes } else { Say::WordNo }.text(lang));
                lines.push(line);
            }
            if !same {
                differences.push(Say::DemoFigures { name: node.name.clone() }.text(lang));
            }
            if !as_made {
                differences.push(Say::DemoAnswers { name: node.name.clone() }.text(lang));
            }
        }
        say(self.global, &Say::DemoCoverage);
        print(&aligned(&lines));
        Ok(differences)
    }

    /// Whether a county's figures are those of the made-up city, and what was changed since.
    fn is_as_made(&self, division: DivisionCode, row: &Json, changed: Option<DivisionCode>) -> bool {
        if division.level() != Level::County {
            return true;
        }
        let Some(folder) = self.answers.folders.get(&division.to_string()) else { return false };
        let (made, more) = (&folder.coverage_by_place, usize::from(changed == Some(division)));
        row["base"] == made.base
            && row["solo"]["numerator"] == made.solo
            && row["organization"]["numerator"] == made.organization + more
            // The one that was covered may have had an instructor.
            && (row["work"]["numerator"] == made.work || row["work"]["numerator"] == made.work + more)
    }

    /// The list of gaps at the hub against those that were made.
    async fn gaps(&self) -> Result<Vec<String>, Failure> {
        let lang = self.global.lang();
        let listed = self.hub.ask(report("gaps", self.hub.division()), self.context("")).await?;
        let rows = listed["rows"].as_array().cloned().unwrap_or_default();
        let found: BTreeSet<String> = rows.iter().map(|row| text(&row["uscc"])).collect();
        let made: BTreeSet<String> = self.answers.gaps.iter().map(|gap| gap.uscc.clone()).collect();
        let (missing, surplus) = (made.difference(&found).count(), found.difference(&made).count());
        say(self.global, &Say::DemoGaps { found: found.len(), made: made.len(), missing, surplus });
        let mut lines = Vec::new();
        for row in rows.iter().take(10) {
            let why = row["why"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
            lines.push(vec![text(&row["name"]), text(&row["uscc"]), why.join("；")]);
        }
        print(&aligned(&lines));
        let differs = missing + surplus > 0 || rows.len() != made.len();
        Ok(differs.then(|| Say::DemoGapsDiffer { missing, surplus }.text(lang)).into_iter().collect())
    }
}
