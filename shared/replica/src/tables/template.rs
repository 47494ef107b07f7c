//! An empty table to fill in: the columns of a kind, lists to choose from, and a sheet of notes.

use super::Format;
use super::write::{Out, WriteFault, csv_table, lay_out};
use huiliu_core::model::dictionary::{Required, kind};
use huiliu_core::model::{Field, FieldType, Kind, Lang, TableSay};
use rust_xlsxwriter::{DataValidation, Format as CellFormat, Formula, Workbook, Worksheet};

/// How many rows of the template offer lists.
const ROWS: u32 = 20_000;
/// The first column of the code tables on the sheet of notes.
const TABLES_FROM: u16 = 4;

/// Writes the template of a kind: headers, and in a workbook text columns, lists and a second sheet with notes.
///
/// # Errors
/// [`WriteFault`].
pub fn template(format: Format, kind: &'static Kind, lang: Lang) -> Result<Vec<u8>, WriteFault> {
    let fields: Vec<&'static Field> = kind.columns().collect();
    if format == Format::Csv {
        return csv_table(std::iter::once(fields.iter().map(|field| Out::text(field.label)).collect()));
    }
    let notes_name = TableSay::NotesSheet.text(lang);
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name(kind.label)?;
    lay_out(sheet, &fields)?;
    let (bold, must) = (CellFormat::new().set_bold(), CellFormat::new().set_bold().set_font_color("#B42318"));
    for (column, field) in (0_u16..).zip(&fields) {
        let format = if field.required == Required::No { &bold } else { &must };
        sheet.write_string_with_format(0, column, field.label, format)?;
    }
    let mut tables = TABLES_FROM;
    for (column, field) in (0_u16..).zip(&fields) {
        let choices = choices(field);
        if !choices.is_empty() {
            let letter = column_letters(tables);
            let last = choices.len() + 1;
            let list = Formula::new(format!("='{notes_name}'!${letter}$2:${letter}${last}"));
            sheet.add_data_validation(
                1,
                column,
                ROWS,
                column,
                &DataValidation::new().allow_list_formula(list),
            )?;
            tables += 1;
        }
    }
    let notes = book.add_worksheet().set_name(&notes_name)?;
    write_notes(notes, kind, &fields, lang)?;
    Ok(book.save_to_buffer()?)
}

/// What a list offers: the labels of a code table, or yes and no.
fn choices(field: &Field) -> Vec<&'static str> {
    match field.ty {
        FieldType::Code(table) => table.codes.iter().map(|code| code.label).collect(),
        FieldType::Bool => vec!["是", "否"],
        _ => Vec::new(),
    }
}

fn write_notes(
    sheet: &mut Worksheet,
    kind: &'static Kind,
    fields: &[&'static Field],
    lang: Lang,
) -> Result<(), WriteFault> {
    let bold = CellFormat::new().set_bold();
    let heads = [TableSay::ColumnName, TableSay::MustFill, TableSay::HowToFill];
    for (column, (head, width)) in (0_u16..).zip(heads.iter().zip([20.0, 22.0, 60.0])) {
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, head.text(lang), &bold)?;
    }
    let mut tables = TABLES_FROM;
    for (row, field) in (1_u32..).zip(fields) {
        sheet.write_string(row, 0, field.label)?;
        sheet.write_string(row, 1, need(kind, field, lang))?;
        sheet.write_string(row, 2, hint(field, lang))?;
        let choices = choices(field);
        if !choices.is_empty() {
            // Not the bare label: this row must never pass for the header of a table.
            let head = TableSay::Choices { label: field.title(lang).to_owned() }.text(lang);
            sheet.write_string_with_format(0, tables, head, &bold)?;
            for (row, choice) in (1_u32..).zip(choices) {
                sheet.write_string(row, tables, choice)?;
            }
            sheet.set_column_width(tables, 18.0)?;
            tables += 1;
        }
    }
    Ok(())
}

fn need(kind: &'static Kind, field: &Field, lang: Lang) -> String {
    match field.required {
        Required::No => TableSay::MayBeEmpty.text(lang),
        Required::Yes => TableSay::Needed.text(lang),
        Required::Unless { field, code } => {
            let entry = kind.field(field).and_then(Field::codes).and_then(|table| table.get(code));
            let choice = entry.map_or(code, |entry| lang.pick(entry.label, entry.label_en)).to_owned();
            TableSay::NeededUnless { choice }.text(lang)
        }
    }
}

fn hint(field: &Field, lang: Lang) -> String {
    let say = match field.ty {
        FieldType::Text { max } => TableSay::HintText { max },
        FieldType::Code(table) => TableSay::HintCode { labels: table.labels(lang) },
        FieldType::Codes(table) => TableSay::HintCodes { labels: table.labels(lang) },
        FieldType::Month => TableSay::HintMonth,
        FieldType::CitizenId => TableSay::HintCitizen,
        FieldType::KeyedHash(_) => TableSay::HintComputed,
        FieldType::Division { .. } | FieldType::NewDivision | FieldType::Divisions => TableSay::HintDivision,
        FieldType::Date => TableSay::HintDate,
        FieldType::Money => TableSay::HintMoney,
        FieldType::Int { .. } => TableSay::HintInt,
        FieldType::Bool => TableSay::HintBool,
        FieldType::Uscc => TableSay::HintUscc,
        FieldType::Ref(name) => {
            let kind = kind(name).map_or(field.label, |kind| lang.pick(kind.label, kind.label_en)).to_owned();
            match name {
                "person" | "instructor" => TableSay::HintPerson,
                "social_org" => TableSay::HintOrganization,
                _ => TableSay::HintRef { kind },
            }
        }
    };
    say.text(lang)
}

/// A column's letters: 0 is A, 26 is AA.
fn column_letters(column: u16) -> String {
    let (high, low) = (column / 26, column % 26);
    let letter = |at: u16| char::from(b'A' + (at % 26) as u8).to_string();
    if high == 0 { letter(low) } else { format!("{}{}", letter(high - 1), letter(low)) }
}
