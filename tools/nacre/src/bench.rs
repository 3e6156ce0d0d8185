//! The benchmark: the same initramfs under the same QEMU line, on Linux and on Nacre in turn.

mod cache;
pub mod display;
pub mod run;
pub mod shell;
pub mod table;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its row.
    pub name: String,
    /// Its value, if it could be had.
    pub value: Option<f64>,
    /// `ns`, `MB/s`, `MiB`, `ms`; why there is none, where there is none.
    pub unit: String,
}

impl Figure {
    /// One that was had.
    pub fn new(name: &str, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(value),
            unit: unit.to_owned(),
        }
    }

    /// Reads a line `name<TAB>value<TAB>unit`, as the benchmark prints it; anything else is none.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.trim_end().split('\t');
        let (name, value, unit) = (fields.next()?, fields.next()?, fields.next()?);
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let value = if value == "NA" {
            None
        } else {
            Some(value.parse().ok()?)
        };
        is_name.then(|| Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
        })
    }

    /// The line that [`Figure::parse`] reads.
    pub fn line(&self) -> String {
        let value = self
            .value
            .map_or_else(|| "NA".to_owned(), |value| format!("{value:.1}"));
        format!("{}\t{value}\t{}", self.name, self.unit)
    }
}

/// Whether the emulator counts instructions or lets time pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Guest time is a count of instructions: a figure repeats to the last digit
    Icount,
    /// One thread a processor, in wall-clock time
    Mttcg,
}

impl Mode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Icount => "icount",
            Self::Mttcg => "mttcg",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_benchmark_are_figures_and_others_are_not() {
        let figure = Figure::parse("syscall_null\t388.5\tns\t380.0\t390.1\t1000\r\n");
        assert_eq!(figure, Some(Figure::new("syscall_null", 388.5, "ns")));
        let missing = Figure::parse("tcp_bw\tNA\tsocket: Function not implemented");
        assert_eq!(missing.map(|figure| figure.value), Some(None));
        assert_eq!(Figure::parse("@begin /ubench -v"), None);
        assert_eq!(Figure::parse("[    0.1]\t1\tx"), None);
        assert_eq!(Figure::parse("name only"), None);
    }
}
