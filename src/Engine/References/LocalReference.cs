using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Referencing;

/// <summary>What one engine holds of one resource, from its first reference to its last release. Everything that changes belongs to the gate of the <see cref="ReferenceTable"/>.</summary>
internal sealed class LocalReference(ResourceKey key, int partition)
{
    public ResourceKey Key => key;

    public int Partition => partition;

    /// <summary>References of the application that stand for it.</summary>
    public int Handles { get; set; }

    /// <summary>It has been let go of: by the last release, or because the engine stops.</summary>
    public bool IsOver { get; set; }

    /// <summary>Completes when the coordinator has the reference; another one after it was lost and is taken anew.</summary>
    public FlushWaiter Taken { get; set; } = new();

    /// <summary>Cancelled when the reference was lost; another one afterwards.</summary>
    public CancellationTokenSource Lost { get; set; } = new();
}
