namespace Sluice.Cli.Demo.Embedded;

/// <summary>
/// The database of the demonstration: it takes each session once, known by its idempotency key, some milliseconds later, and can be broken. Thread-safe.
/// </summary>
internal sealed class DemoSink(Mishaps mishaps)
{
    private static readonly TimeSpan WriteTime = TimeSpan.FromMilliseconds(5);

    private readonly Lock _gate = new();
    private readonly HashSet<(int Page, long Generation)> _known = [];
    private readonly long[] _hits = new long[ClickStream.Pages];
    private readonly long[] _bytes = new long[ClickStream.Pages];

    public int Sessions
    {
        get
        {
            lock (_gate)
                return _known.Count;
        }
    }

    /// <summary>What has been written of every page. Read it when nobody writes.</summary>
    public (IReadOnlyList<long> Hits, IReadOnlyList<long> Bytes) Totals => (_hits, _bytes);

    public async ValueTask WriteAsync(IReadOnlyList<Completion<Click>> sessions, CancellationToken cancellation)
    {
        await Task.Delay(WriteTime, cancellation).ConfigureAwait(false);
        if (mishaps.SinkIsBroken)
            throw new IOException("The database does not answer.");
        lock (_gate)
        {
            foreach (Completion<Click> session in sessions)
            {
                int page = ClickStream.PageOf(session.Value.Page);
                if (!_known.Add((page, session.Generation)))
                {
                    mishaps.Count(Consequence.RecognisedBySink);
                    continue;
                }

                _hits[page] += session.Value.Hits;
                _bytes[page] += session.Value.Bytes;
            }
        }
    }
}
