namespace Sluice.Allocations;

/// <summary>One promise that something allocates nothing in the steady state.</summary>
internal abstract class AllocationCase : IDisposable
{
    /// <summary>What the table calls it, e.g. "merge, resident key".</summary>
    public abstract string Name { get; }

    /// <summary>Operations of one call of the warm-up, of which there are dozens; fewer where one takes long.</summary>
    public virtual int WarmUpOperations => 20_000;

    /// <summary>
    /// Performs the operation so many times, in a loop of its own; on any number of threads, which it must have started before the warm-up ended.
    /// The guard calls it for the warm-up and then once for the measurement: what it does must not depend on how often it was called.
    /// </summary>
    public abstract void Run(int operations);

    /// <summary>Bytes of the last run that are known not to be the operations'.</summary>
    public virtual long ExcusedBytes => 0;

    /// <summary>Releases what the case holds.</summary>
    public virtual void Dispose()
    {
    }
}
