using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Exploration;

/// <summary>A request that is still somewhere on its way; nobody hears the answer.</summary>
/// <param name="Request">The request.</param>
/// <param name="Deltas">The opaque deltas that it names, where it replaces some.</param>
internal sealed record Copy(object Request, ReadOnlyMemory<byte> Deltas = default);

/// <summary>
/// Everything there is at one moment: the server, its clock, what is on its way, the engines, where completions went, and what may still go wrong. A
/// world is not changed any more once it has been checked; what happens next happens to a fork of it.
/// </summary>
internal sealed partial class World
{
    public const int EngineCount = 2;
    public const long Origin = 1_000_000_000;

    private int _writable;
    private ulong _identities;

    public World(Bounds bounds, Rules rules)
    {
        (Bounds, Rules) = (bounds, rules);
        Left = Budget.Of(bounds);
        Used = new byte[bounds.Resources];
        Sink = Sink.Empty(bounds.Resources);
        Engines = [.. Enumerable.Range(0, EngineCount).Select(slot => NewEngine(slot))];
        _writable = ~0;
        if (bounds.FlushedAtStart)
        {
            for (int i = 0; i < bounds.Events; i++)
                Take(new Move(MoveKind.Merge, 0, 0));
            Take(new Move(MoveKind.End, 0, 0));
            Take(new Move(MoveKind.Send, 0, 0));
        }
    }

    private World(World origin)
    {
        (Bounds, Rules, Left) = (origin.Bounds, origin.Rules, origin.Left);
        (Now, Server, Kept, FirstLostAt, HasRolledBack, HasSetClock) = (origin.Now, origin.Server, origin.Kept, origin.FirstLostAt, origin.HasRolledBack, origin.HasSetClock);
        (Copies, Sink, Fenced, Issued) = (origin.Copies, origin.Sink, origin.Fenced, origin.Issued);
        (Acknowledged, Reported, Orphans, Lives) = (origin.Acknowledged, origin.Reported, origin.Orphans, origin.Lives);
        Used = [.. origin.Used];
        Engines = [.. origin.Engines];
        _identities = origin._identities;
        _marks = origin._marks;
        Answers = origin.Answers;
        Preparing = origin.Preparing;
        SetBack = origin.SetBack;
        Redelivered = origin.Redelivered;
    }

    public static ImmutableArray<ResourceKey> Resources { get; } = [ResourceKey.Of("R"), ResourceKey.Of("S"), ResourceKey.Of("T")];

    public Bounds Bounds { get; }

    public Rules Rules { get; }

    public Budget Left;

    /// <summary>The server's clock.</summary>
    public long Now { get; private set; } = Origin;

    /// <summary>The engines' clocks, which nobody sets.</summary>
    public long Steady => Now + SetBack;

    /// <summary>How far the server's clock was set back.</summary>
    public long SetBack { get; private set; }

    public PartitionState Server { get; private set; } = PartitionState.Empty;

    /// <summary>What the server would come back with: everything since is not on its disk, or not on its replica. Null: it would lose nothing.</summary>
    public PartitionState? Kept { get; private set; }

    public long FirstLostAt { get; private set; }

    public bool HasRolledBack { get; private set; }

    public bool HasSetClock { get; private set; }

    public Engine[] Engines { get; }

    public ImmutableArray<Copy> Copies { get; private set; } = [];

    public Sink Sink { get; private set; }

    /// <summary>Incarnations that the server has fenced, and not forgotten by losing writes.</summary>
    public ImmutableHashSet<IncarnationId> Fenced { get; private set; } = [];

    /// <summary>The highest generation or token that was issued.</summary>
    public long Issued { get; private set; }

    /// <summary>How many updates each resource has had.</summary>
    public byte[] Used { get; }

    /// <summary>Updates that an engine was told the coordinator has; bit 8 * r + i is update i of resource r.</summary>
    public ulong Acknowledged { get; set; }

    /// <summary>Updates that an engine has reported as lost, or perhaps lost.</summary>
    public ulong Reported { get; set; }

    /// <summary>Updates of engines that crashed.</summary>
    public ulong Orphans { get; private set; }

    /// <summary>Updates that the broker has given to a second engine.</summary>
    public ulong Redelivered { get; private set; }

    public int Lives { get; private set; }

    /// <summary>The engine that is about to cut a batch of what it does now, or -1.</summary>
    public int Preparing { get; private set; } = -1;

    /// <summary>Which answers were seen, in this world and all that come of the same beginning.</summary>
    public HashSet<Enum> Answers { get; } = [];

    /// <summary>What the last request was answered.</summary>
    public object? LastReply { get; private set; }

    /// <summary>The updates in a delta of a resource.</summary>
    public static ulong EventsOf(ResourceKey resource, ReadOnlySpan<byte> delta) => Tally.EventsOf(delta) << (Tally.PerResource * Resources.IndexOf(resource));

    public World Fork() => new(this);

    /// <summary>An engine of this world that may be changed.</summary>
    private Engine Write(int slot)
    {
        if ((_writable & (1 << slot)) == 0)
        {
            Engines[slot] = Engines[slot].Fork(this);
            _writable |= 1 << slot;
        }

        Witness.Watch(this, Engines[slot]);
        return Engines[slot];
    }

    private Engine NewEngine(int slot)
    {
        _writable |= 1 << slot;
        return new Engine(slot, Lives++, this, Rules.LaneWindow(Bounds), discards: Bounds.Redeliveries != 0 && Rules.DiscardsWhenFenced);
    }

    /// <summary>One transition on the server, checked. Null: the request failed and was not applied.</summary>
    private object? Apply(object request, bool hasMemory = true)
    {
        if (Bounds.TimeFlows)
            PassUntil(Now + (Bounds.Unit / 4));
        PartitionState before = Server;
        object reply;
        PartitionState after;
        try
        {
            if (hasMemory)
                (after, reply) = Rules.Apply(before, Now, request);
            else if (Rules.ApplyWithoutMemory(before, Now, request) is { } done)
                (after, reply) = done;
            else
                return null;
        }
        catch (CoordinatorException)
        {
            return null;
        }

        Server = after;
        LastReply = reply;
        Note(reply);
        if (Kept is not null && FirstLostAt == 0 && after != before)
            FirstLostAt = Now;
        Checker.AfterTransition(this, before, request, reply, after);
        foreach (IncarnationId gone in before.Members.Keys)
        {
            if (!after.Members.ContainsKey(gone))
                Fenced = Fenced.Add(gone);
        }

        Issued = Math.Max(Issued, after.Clock);
        return reply;
    }

    private void Note(object reply)
    {
        Enum? answer = reply switch
        {
            FlushReply flush => flush.Status,
            BeatReply beat => beat.Status,
            AbandonReply abandon => abandon.Status,
            ReplayReply replay => replay.Status,
            ClaimReply { Claims: [var first, ..] } => first.Reason,
            _ => null,
        };
        if (answer is not null)
            Answers.Add(answer);
    }

    private TReply Ask<TReply>(CoordinatorRequest<TReply> request)
        where TReply : class => (TReply)Apply(request)!;
}
