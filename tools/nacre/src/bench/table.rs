//! Two columns of figures and what one is to the other.

use super::Figure;

/// Prints rows in the order of the first column. The ratio is what Nacre costs over what Linux costs, so that less is
/// better whatever the unit.
pub fn print(title: &str, linux: &[Figure], nacre: &[Figure], markdown: bool) {
    if markdown {
        println!("\n| {title} | unit | Linux 6.12 | Nacre | ratio |\n|---|---|---:|---:|---:|");
    } else {
        println!(
            "\n{title:22} {:>6} {:>14} {:>14} {:>8}",
            "unit", "Linux 6.12", "Nacre", "ratio"
        );
    }
    for name in names(linux, nacre) {
        let find = |figures: &[Figure]| figures.iter().find(|figure| figure.name == name).cloned();
        let (left, right) = (find(linux), find(nacre));
        let value = |figure: &Option<Figure>| figure.as_ref().and_then(|figure| figure.value);
        let unit = [&left, &right]
            .into_iter()
            .flatten()
            .find(|figure| figure.value.is_some());
        let unit = unit.map_or("", |figure| figure.unit.as_str());
        let show = |value: Option<f64>| value.map_or_else(|| "NA".to_owned(), number);
        let ratio = match (value(&left), value(&right)) {
            (Some(linux), Some(nacre)) => {
                ratio(unit, linux, nacre).map_or("-".to_owned(), |r| format!("{r:.3}"))
            }
            _ => "-".to_owned(),
        };
        let (linux, nacre) = (show(value(&left)), show(value(&right)));
        if markdown {
            println!("| {name} | {unit} | {linux} | {nacre} | {ratio} |");
        } else {
            println!("{name:22} {unit:>6} {linux:>14} {nacre:>14} {ratio:>8}");
        }
        let reason = right
            .as_ref()
            .filter(|figure| figure.value.is_none())
            .map(|figure| figure.unit.clone());
        if let Some(reason) = reason.filter(|_| !markdown) {
            println!("{:22}        Nacre: {reason}", "");
        }
    }
}

fn names<'a>(linux: &'a [Figure], nacre: &'a [Figure]) -> Vec<&'a str> {
    let mut names: Vec<&str> = linux.iter().map(|figure| figure.name.as_str()).collect();
    for figure in nacre {
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
    }
    names
}

fn number(value: f64) -> String {
    if value >= 1e7 {
        format!("{:.1} M", value / 1e6)
    } else {
        format!("{value:.1}")
    }
}

/// Cost over cost: of a rate, more is cheaper.
fn ratio(unit: &str, linux: f64, nacre: f64) -> Option<f64> {
    let (cost, of) = if unit.ends_with("/s") {
        (linux, nacre)
    } else {
        (nacre, linux)
    };
    (of > 0.0).then(|| cost / of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_better_in_every_unit() {
        assert_eq!(ratio("ns", 400.0, 100.0), Some(0.25));
        assert_eq!(ratio("MB/s", 1000.0, 4000.0), Some(0.25));
        assert_eq!(ratio("frames/s", 50.0, 100.0), Some(0.5));
        assert_eq!(ratio("ns", 0.0, 1.0), None);
    }

    #[test]
    fn rows_of_either_side_are_shown_once() {
        let left = [Figure::new("a", 1.0, "ns"), Figure::new("b", 1.0, "ns")];
        let right = [Figure::new("b", 2.0, "ns"), Figure::new("c", 2.0, "ns")];
        assert_eq!(names(&left, &right), ["a", "b", "c"]);
    }
}
