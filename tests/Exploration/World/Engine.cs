using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Exploration;

/// <summary>How far a claimed session is.</summary>
internal enum Stage : byte
{
    Claimed,
    Confirmed,
    Delivered,

    /// <summary>Its handler has failed; it is given back.</summary>
    Failed,
}

/// <summary>A session that an engine has claimed.</summary>
/// <param name="Session">The session.</param>
/// <param name="ClaimedAt">When it was claimed, or what was merged of it was stored.</param>
/// <param name="Stage">How far it is.</param>
/// <param name="IsFolded">Whether it had opaque deltas that were merged.</param>
internal sealed record Work(ClaimedSession Session, long ClaimedAt, Stage Stage, bool IsFolded = false)
{
    public ClaimTicket Ticket => new(Session.Resource, Session.Generation, Session.Token);
}

/// <summary>
/// One life of one engine: a real lane, and what the loops around it know. The merge cache is left out: an update goes into the lane at once, where it is
/// folded as the cache would have merged it.
/// </summary>
internal sealed class Engine
{
    private static readonly FlushEpochs NoEpochs = new();

    private Engine(int slot, LaneMachine lane, FencePolicy fence) => (Slot, Lane, Fence) = (slot, lane, fence);

    public Engine(int slot, int life, World world, long laneWindow, bool discards)
    {
        Slot = slot;
        Life = life;
        Fence = new FencePolicy { Discards = discards };
        Lane = new LaneMachine(world.Bounds.LaneTerms(Fence, laneWindow) with { Flush = world.Rules.Terms(world.Bounds) }, Tally.Space.Merger, NoEpochs, Witness.Instance);
    }

    public int Slot { get; }

    /// <summary>How many lives of engines there were before this one.</summary>
    public int Life { get; private init; }

    public LaneMachine Lane { get; }

    public FencePolicy Fence { get; }

    /// <summary>The highest number of the partition's clock that the engine has seen.</summary>
    public long Seen { get; set; }

    /// <summary>Resources with a local session, a bit each.</summary>
    public int Local { get; set; }

    /// <summary>An answer to the outstanding batch that is still on its way.</summary>
    public FlushReply? LateReply { get; set; }

    /// <summary>An answer to a beat that is still on its way, and what the lane was when it was sent.</summary>
    public (BeatReply Reply, IncarnationId Incarnation, long Acknowledged)? LateBeat { get; set; }

    public ImmutableArray<Work> Works { get; set; } = [];

    /// <summary>What the loop that compacts open sessions has merged and not stored yet.</summary>
    public OpaqueMerge? Merge { get; set; }

    public bool IsPaused { get; set; }

    /// <summary>When the lane was last answered.</summary>
    public long Answered { get; set; }

    /// <summary>The updates that it was given, a bit each.</summary>
    public ulong Mine { get; set; }

    /// <summary>What its numbered batches carried; kept only where the fate of a batch may be unknown.</summary>
    public ImmutableArray<(IncarnationId Incarnation, long Number, ulong Events)> Sent { get; set; } = [];

    /// <summary>Only with the planted bug: a delta that was left behind when the resource was let go of.</summary>
    public ulong LeftBehind { get; set; }

    public Engine Fork(World world)
    {
        bool discards = world.Bounds.Redeliveries != 0;
        FencePolicy fence = discards ? FenceFork.Of(Fence) : Fence;
        LaneTerms? terms = discards ? world.Bounds.LaneTerms(fence, world.Rules.LaneWindow(world.Bounds)) with { Flush = world.Rules.Terms(world.Bounds) } : null;
        return new Engine(Slot, LaneFork.Of(Lane, terms), fence)
        {
            Life = Life,
            Seen = Seen,
            Local = Local,
            LateReply = LateReply,
            LateBeat = LateBeat,
            Works = Works,
            Merge = Merge,
            IsPaused = IsPaused,
            Answered = Answered,
            Mine = Mine,
            Sent = Sent,
            LeftBehind = LeftBehind,
        };
    }

    public bool Has(int resource) => (Local & (1 << resource)) != 0;
}
