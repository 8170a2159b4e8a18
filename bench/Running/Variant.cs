using Sluice.Harness;

namespace Sluice.Bench.Running;

/// <summary>How a variant is compared with another one of its case.</summary>
/// <param name="Reference">The other's name.</param>
/// <param name="Target">What must come out, or null where the ratio is only shown.</param>
internal sealed record Comparison(string Reference, Target? Target = null);

/// <summary>What one run did. CPU time and allocation are measured around it.</summary>
/// <param name="Operations">How many.</param>
/// <param name="Elapsed">From the first to the last.</param>
/// <param name="Latencies">Of single operations, where latency is the point.</param>
/// <param name="ServerCpu">CPU time that the server accounts for the run, where there is one.</param>
/// <param name="Note">What a reader should know beside the figures.</param>
internal sealed record VariantRun(long Operations, TimeSpan Elapsed, LatencyHistogram? Latencies = null, TimeSpan? ServerCpu = null, string? Note = null);

/// <summary>One way to do the work of a case: the product's, or a reference's.</summary>
internal abstract class Variant : IAsyncDisposable
{
    /// <summary><c>sluice</c>, <c>dictionary</c>, <c>redis-benchmark</c>, ...</summary>
    public abstract string Name { get; }

    /// <summary>What it is compared with. A variant without comparisons is a reference itself.</summary>
    public virtual IReadOnlyList<Comparison> Comparisons => [];

    /// <summary>
    /// Operations per second below which this reference is broken on the kind of machine that the targets were set on, or 0. A ratio to a
    /// broken reference proves nothing, however good it looks.
    /// </summary>
    public virtual double SoundFrom => 0;

    /// <summary>Another process does the work: this one's CPU time and allocation say nothing.</summary>
    public virtual bool IsElsewhere => false;

    /// <summary>Brings the variant into the state in which it is measured (filled, connected, warm). Called once, before the first run.</summary>
    public abstract Task PrepareAsync(CancellationToken cancellationToken);

    /// <summary>Works for at least so long.</summary>
    public abstract Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
