using Sluice.Coordination;

namespace Sluice.Flushing;

/// <summary>Why a lane can't say that the coordinator has what it was given.</summary>
internal enum LossCause
{
    /// <summary>The coordinator lost batches that are too old, or no longer kept, to be sent again.</summary>
    ServerLostBatches,

    /// <summary>The engine was away for so long that nobody knows whether its last batch was applied.</summary>
    FateUnknown,

    /// <summary>The delta can't be merged, and the partition's dead letters are full.</summary>
    RefusedAndNotKept,

    /// <summary>The source said that its broker has delivered the events to somebody else.</summary>
    Discarded,
}

/// <summary>What the lane's owner is told. Called by the lane's loop; must not block.</summary>
internal interface ILaneObserver
{
    /// <summary>Items reached the coordinator, or were given up after <see cref="OnLost"/>.</summary>
    void OnSettled(ReadOnlySpan<PendingItem> items);

    /// <summary>
    /// The item let go of a reference last. The claim to run its callback came along, unless the one of the generation before has not succeeded yet, or somebody else has
    /// taken over. Before <see cref="OnSettled"/>.
    /// </summary>
    /// <param name="item">What let go.</param>
    /// <param name="claim">The claim, if it came along.</param>
    /// <param name="now">The server's time of the reply.</param>
    void OnLastRelease(PendingItem item, ClaimedSession? claim, long now)
    {
        // Only lanes of references are told.
    }

    /// <summary>The server had lost the reference that the item took; the batch was sent again under its own number, and it stands anew.</summary>
    void OnTakenAgain(PendingItem item)
    {
        // Only lanes of references are told: sessions go on.
    }

    /// <summary>The coordinator put the item's delta aside.</summary>
    void OnRefused(PendingItem item, ItemOutcome outcome);

    /// <summary>
    /// Batches <paramref name="first"/> to <paramref name="last"/> of an incarnation are not, or not certainly, in the totals; <paramref name="items"/>
    /// is what is still known of them.
    /// </summary>
    void OnLost(LossCause cause, IncarnationId incarnation, long first, long last, ReadOnlySpan<PendingItem> items);

    /// <summary>The lane begins a new life. <paramref name="status"/> says why.</summary>
    void OnReincarnated(FlushStatus status, IncarnationId dead);

    /// <summary>The coordinator had the batch already.</summary>
    void OnDuplicate();

    /// <summary>A batch that the server had lost was sent again.</summary>
    void OnReplayed(long number);
}
