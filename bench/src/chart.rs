//! A chart of bars, as SVG: one bar for each thing that was measured, less is better.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Pixels.
const ROW: usize = 28;
const NAMES: usize = 150;
const BARS: f64 = 420.0;

/// Writes the chart.
pub(crate) fn write(
    file: &Path,
    title: &str,
    unit: &str,
    bars: &[(&str, f64)],
) -> Result<(), String> {
    fs::write(file, svg(title, unit, bars))
        .map_err(|error| format!("`{}`: {error}", file.display()))
}

fn svg(title: &str, unit: &str, bars: &[(&str, f64)]) -> String {
    let most = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let height = 40 + ROW * bars.len();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"660\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"14\" fill=\"#888\">\n\
         <text x=\"0\" y=\"18\">{title}: {unit}, less is better</text>\n"
    );
    for (i, (name, value)) in bars.iter().enumerate() {
        let (top, width) = (34 + ROW * i, BARS * value / most);
        let (text, end) = (top + 15, 155.0 + width + 6.0);
        let colour = if i == 0 { "#2a7" } else { "#9ab" };
        let _ = writeln!(
            out,
            "<text x=\"{NAMES}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"155\" y=\"{top}\" width=\"{width:.1}\" height=\"20\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{text}\">{value:.1}</text>"
        );
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::svg;

    #[test]
    fn the_longest_bar_fills_the_chart_and_the_others_are_in_proportion() {
        let chart = svg("proxy", "µs", &[("ours", 10.0), ("theirs", 40.0)]);
        assert!(chart.contains("width=\"105.0\"") && chart.contains("width=\"420.0\""), "{chart}");
        assert!(chart.contains(">ours<") && chart.contains(">40.0<"), "{chart}");
    }
}
