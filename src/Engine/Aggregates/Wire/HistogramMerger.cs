namespace Sluice.Aggregates.Wire;

/// <summary>Merges histograms of one precision, bucket by bucket.</summary>
internal sealed class HistogramMerger : IFieldMerger
{
    private HistogramMerger()
    {
    }

    public static HistogramMerger Instance { get; } = new();

    public bool Accepts(int parameter) => parameter is >= HistogramBuckets.MinPrecision and <= HistogramBuckets.MaxPrecision;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => HistogramPayload.IsCanonical(payload, parameter, out _, out _);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        HistogramPayload a = new(left);
        HistogramPayload b = new(right);
        bool hasA = a.MoveNext();
        bool hasB = b.MoveNext();
        long total = 0;
        written = 0;
        while (hasA || hasB)
        {
            int order = !hasB ? -1 : !hasA ? 1 : a.Index - b.Index;
            long count = (order <= 0 ? a.Count : 0) + (order >= 0 ? b.Count : 0);
            total += count;
            if (total > HistogramPayload.MaxCount)
            {
                written = 0;
                return false;
            }

            written += HistogramPayload.Write(destination[written..], order <= 0 ? a.Index : b.Index, count);
            if (order <= 0)
                hasA = a.MoveNext();
            if (order >= 0)
                hasB = b.MoveNext();
        }

        return true;
    }
}
