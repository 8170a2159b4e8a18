using Spectre.Console;

namespace Sluice.Bench.Reporting;

/// <summary>Where the measurements of a scenario go, as they come.</summary>
internal abstract class Report
{
    /// <summary>A case begins; it takes a while.</summary>
    public abstract void Begin(string scenario, string caseName);

    /// <summary>A case has been measured.</summary>
    public abstract void Add(IReadOnlyList<Measurement> measurements);
}

/// <summary>One JSON object a line on standard output, and nothing else there.</summary>
internal sealed class JsonReport(TextWriter output, TextWriter progress) : Report
{
    public override void Begin(string scenario, string caseName) => progress.WriteLine($"{scenario}: {caseName} ...");

    public override void Add(IReadOnlyList<Measurement> measurements)
    {
        foreach (Measurement measurement in measurements)
            output.WriteLine(measurement.ToJson());
        output.Flush();
    }
}

/// <summary>A table per case for people, as soon as it is measured; a missed target is red.</summary>
internal sealed class TableReport(IAnsiConsole console) : Report
{
    public override void Begin(string scenario, string caseName) => console.MarkupLineInterpolated($"[bold]{scenario}: {caseName}[/]");

    public override void Add(IReadOnlyList<Measurement> measurements)
    {
        bool hasLatency = measurements.Any(m => m.P50Micros is not null), hasServer = measurements.Any(m => m.ServerCpuMicrosPerOp is not null);
        Table table = new() { Border = TableBorder.Simple };
        List<(string Title, bool IsNumber, Func<Measurement, string> Cell)> columns =
        [
            ("variant", false, m => Markup.Escape(m.Variant)),
            ("ops/s", true, m => $"{m.OpsPerSecond:N0}"),
            ("CPU ns/op", true, m => $"{m.CpuMicrosPerOp * 1_000:N1}"),
            ("B/op", true, m => $"{m.BytesPerOp:N1}"),
        ];
        if (hasServer)
            columns.Add(("server us/op", true, m => $"{m.ServerCpuMicrosPerOp:N2}"));
        if (hasLatency)
            columns.AddRange([("p50 us", true, m => $"{m.P50Micros:N1}"), ("p99 us", true, m => $"{m.P99Micros:N1}"), ("p99.9 us", true, m => $"{m.P999Micros:N1}")]);
        columns.AddRange([("against", false, m => Markup.Escape(m.Reference ?? "")), ("ratio (quartiles)", true, Ratio), ("target", false, Verdict)]);

        foreach ((string title, bool isNumber, _) in columns)
            table.AddColumn(new TableColumn(title) { NoWrap = true, Alignment = isNumber ? Justify.Right : Justify.Left });
        foreach (Measurement measurement in measurements)
            table.AddRow([.. columns.Select(column => column.Cell(measurement))]);
        console.Write(table);
        foreach (string note in measurements.Select(m => m.Note).OfType<string>().Distinct(StringComparer.Ordinal))
            console.MarkupLineInterpolated($"[yellow]note:[/] {note}");
    }

    private static string Ratio(Measurement m) => m.RatioQuartiles is { } q ? $"{m.Ratio:0.00} ({q.Lower:0.00} .. {q.Upper:0.00})" : $"{m.Ratio:0.00}";

    private static string Verdict(Measurement m) => (m.Goal?.ToString(), m.Met) switch
    {
        (null, _) => "",
        ({ } target, true) => $"[green]{Markup.Escape(target)} met[/]",
        ({ } target, false) => $"[red]{Markup.Escape(target)} MISSED[/]",
        ({ } target, null) => $"[yellow]{Markup.Escape(target)} inconclusive[/]",
    };
}
