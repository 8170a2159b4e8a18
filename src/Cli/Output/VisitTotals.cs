namespace Sluice.Cli.Output;

/// <summary>Hits, bytes and errors, wide enough for any input.</summary>
internal readonly record struct VisitTotals(Int128 Hits, Int128 Bytes, Int128 Errors)
{
    public VisitTotals Add(long hits, long bytes, long errors) => new(Hits + hits, Bytes + bytes, Errors + errors);
}
