//! Reading the Test Anything Protocol as it comes.

/// What became of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `ok`
    Passed,
    /// `not ok`
    Failed,
    /// `ok ... # SKIP`
    Skipped,
}

/// One case, with the lines said since the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name, or its number where it has none.
    pub name: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What was said before its line: diagnostics and whatever else.
    pub said: String,
}

/// A program's output, read line by line.
#[derive(Debug, Default)]
pub struct Reader {
    partial: Vec<u8>,
    said: String,
    planned: Option<usize>,
    cases: Vec<Case>,
    bailed: Option<String>,
}

impl Reader {
    /// Takes what was just said.
    pub fn push(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let rest = self.partial.split_off(end.saturating_add(1));
            let line = std::mem::replace(&mut self.partial, rest);
            self.line(String::from_utf8_lossy(&line).trim_end());
        }
    }

    /// Takes what was said beside the protocol (on standard error).
    pub fn push_aside(&mut self, bytes: &[u8]) {
        self.said.push_str(&String::from_utf8_lossy(bytes));
    }

    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("not ok") {
            self.case(rest, false);
        } else if let Some(rest) = line.strip_prefix("ok") {
            self.case(rest, true);
        } else if let Some(count) = line
            .strip_prefix("1..")
            .and_then(|count| count.trim().parse().ok())
        {
            self.planned = Some(count);
        } else if let Some(reason) = line.strip_prefix("Bail out!") {
            self.bailed = Some(reason.trim().to_owned());
        } else {
            self.said.push_str(line);
            self.said.push('\n');
        }
    }

    fn case(&mut self, rest: &str, ok: bool) {
        let (text, directive) = rest.split_once('#').unwrap_or((rest, ""));
        let text = text.trim();
        let after_number = text.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
        let name = after_number
            .strip_prefix('-')
            .unwrap_or(after_number)
            .trim();
        let name = if name.is_empty() { text } else { name };
        let skip = directive.trim().to_ascii_lowercase().starts_with("skip");
        let verdict = match (ok, skip) {
            (true, true) => Verdict::Skipped,
            (true, false) => Verdict::Passed,
            (false, _) => Verdict::Failed,
        };
        let said = std::mem::take(&mut self.said);
        self.cases.push(Case {
            name: name.to_owned(),
            verdict,
            said,
        });
    }

    /// The cases so far.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// What was said since the last case.
    pub fn trailing(&self) -> String {
        let partial = String::from_utf8_lossy(&self.partial);
        format!("{}{partial}", self.said)
    }

    /// What is wrong with the whole, beyond single cases: too few or many of them, or none at all.
    pub fn complaint(&self) -> Option<String> {
        if let Some(reason) = &self.bailed {
            return Some(format!("it bailed out: {reason}"));
        }
        match self.planned {
            None => Some("it announced no plan (1..N)".to_owned()),
            Some(planned) if planned != self.cases.len() => Some(format!(
                "it planned {planned} cases and reported {}",
                self.cases.len()
            )),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reader {
        let mut reader = Reader::default();
        for piece in text.as_bytes().chunks(3) {
            reader.push(piece);
        }
        reader
    }

    #[test]
    fn cases_come_with_what_was_said_before_them() {
        let reader = read(
            "1..3\nok 1 - first\n# why\nnot ok 2 - second one\nok 3 - third # SKIP no such thing\n",
        );
        let seen: Vec<(&str, Verdict, &str)> = reader
            .cases()
            .iter()
            .map(|case| (case.name.as_str(), case.verdict, case.said.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("first", Verdict::Passed, ""),
                ("second one", Verdict::Failed, "# why\n"),
                ("third", Verdict::Skipped, ""),
            ]
        );
        assert_eq!(reader.complaint(), None);
    }

    #[test]
    fn a_case_without_a_name_goes_by_its_number() {
        assert_eq!(
            read("ok 7\n").cases().first().map(|case| case.name.clone()),
            Some("7".to_owned())
        );
    }

    #[test]
    fn a_broken_plan_is_a_complaint() {
        assert!(
            read("1..2\nok 1 - a\n")
                .complaint()
                .is_some_and(|text| text.contains("planned 2"))
        );
        assert!(read("ok 1 - a\n").complaint().is_some());
        assert!(
            read("1..1\nok 1 - a\nBail out! no disk\n")
                .complaint()
                .is_some_and(|text| text.contains("no disk"))
        );
    }

    #[test]
    fn an_unfinished_line_is_kept() {
        assert_eq!(read("1..1\nhalf a li").trailing(), "half a li");
    }
}
