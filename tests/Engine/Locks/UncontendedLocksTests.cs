using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Locks that are taken without a request.</summary>
public sealed class UncontendedLocksTests
{
    private readonly HandDrivenTimeProvider _time = new();

    // Prevents: a short way that differs from the long one.
    [Fact]
    public void What_is_taken_without_a_request_is_what_a_request_would_have_taken()
    {
        InProcessLockCoordinator coordinator = new(_time);
        LockNamespace space = new("thin", 1);
        LockPartitionState pure = LockPartitionState.Empty;
        long now = (_time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
        TReply Both<TReply>(LockRequest<TReply> request)
        {
            LockStep step = LockTransitions.Apply(pure, now, request);
            pure = step.State;
            TReply reply = coordinator.SendAsync(space, 0, request, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            Assert.Equivalent(step.Reply, reply, strict: true);
            return reply;
        }

        IncarnationId session = Both(new OpenSessionRequest(new LockEngineId(1, 1), Durations.Never, "")).Session;
        IUncontendedLocks thin = coordinator.Uncontended(space, 0, session)!;
        SplitMix64 random = new(3);
        List<(ResourceKey Resource, long Number, bool IsThin)> held = [];
        for (int number = 1; number <= 2000; number++)
        {
            ResourceKey resource = ResourceKey.Of($"r{random.Next(6)}");
            LockClaim claim = new(resource, LockMode.Exclusive);
            AcquireRequest acquire = new(session, number, [claim], LockPolicy.WritersFirst, Waits: false, Durations.Never, "");
            switch (random.Next(4))
            {
                case 0 or 1:
                    bool isTaken = thin.TryTake(resource, LockPolicy.WritersFirst, number, out long token);
                    Assert.Equal(!pure.Records.ContainsKey(resource), isTaken);
                    if (isTaken)
                    {
                        LockStep step = LockTransitions.Apply(pure, now, acquire);
                        pure = step.State;
                        Assert.Equal(((AcquireReply)step.Reply).Token, token);
                        held.Add((resource, number, true));
                    }

                    break;
                case 2:
                    if (Both(acquire).Status == AcquireStatus.Granted)
                        held.Add((resource, number, false));
                    break;
                default:
                    if (held.Count == 0)
                        break;
                    int index = random.Next(held.Count);
                    (ResourceKey freed, long old, bool wasThin) = held[index];
                    held.RemoveAt(index);
                    if (wasThin && thin.TryFree(freed, old))
                        pure = LockTransitions.Apply(pure, now, new ReleaseRequest(session, old, IsDoubtful: false)).State;
                    else
                        Assert.Equal(ReleaseStatus.Released, Both(new ReleaseRequest(session, old, IsDoubtful: false)).Status);
                    break;
            }
        }

        Both(new ParticipantsRequest(ResourceKey.Of("r0"), 10));
        LockPartitionState state = coordinator.Snapshot(space, 0);
        Assert.Equal(pure.Clock, state.Clock);
        Assert.Equal(
            pure.Records.Select(static record => (record.Key, record.Value.Holders.Single())).OrderBy(static record => record.Key),
            state.Records.Select(static record => (record.Key, record.Value.Holders.Single())).OrderBy(static record => record.Key));
        Assert.Empty(LockInvariants.Check(state, now));
    }
}
