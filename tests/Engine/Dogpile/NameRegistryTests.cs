using System.Runtime.CompilerServices;
using Sluice.Harness.Load;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>One object per key while anyone uses it, nothing afterwards.</summary>
public sealed class NameRegistryTests
{
    [Fact]
    public void The_same_key_gives_the_same_object_while_anyone_uses_it_and_another_one_afterwards()
    {
        NameRegistry<string, object> registry = new(_ => new object());
        NameLease<object> one = registry.Get("a");
        NameLease<object> two = registry.Get("a");
        NameLease<object> other = registry.Get("b");
        object first = one.Value;
        Assert.Same(first, two.Value);
        Assert.NotSame(first, other.Value);

        one.Dispose();
        Assert.Same(first, registry.Get("a").Value);
        two.Dispose();
        Assert.Equal(2, registry.Count);
        other.Dispose();
        Assert.Equal(1, registry.Count);
    }

    // A lease disposed twice must not take the object from under somebody else.
    [Fact]
    public void A_lease_ends_once()
    {
        NameRegistry<string, object> registry = new(_ => new object());
        NameLease<object> one = registry.Get("a");
        using NameLease<object> two = registry.Get("a");
        one.Dispose();
        one.Dispose();
        using NameLease<object> three = registry.Get("a");
        Assert.Same(two.Value, three.Value);
    }

    [Fact]
    public void Arguments_make_the_object_and_are_not_looked_at_when_it_is_there()
    {
        NameRegistry<string, Dogpile<int>> registry = new();
        static Dogpile<int> Make(string key, TimeSpan expiry) => new(new DogpileOptions { Name = key, Expiry = expiry });
        using NameLease<Dogpile<int>> one = registry.Get("a", TimeSpan.FromMinutes(1), Make);
        using NameLease<Dogpile<int>> two = registry.Get("a", TimeSpan.Zero, Make);
        Assert.Same(one.Value, two.Value);
        Assert.Throws<OptionsException>(() => registry.Get("b", TimeSpan.Zero, Make));
        Assert.Equal(1, registry.Count);
        Assert.Throws<InvalidOperationException>(() => registry.Get("a"));
    }

    [Fact]
    public void A_function_that_fails_leaves_nothing_behind_and_others_try_themselves()
    {
        int calls = 0;
        NameRegistry<string, object> registry = new(_ => ++calls == 1 ? throw new TimeZoneNotFoundException() : new object());
        Assert.Throws<TimeZoneNotFoundException>(() => registry.Get("a"));
        Assert.Equal(0, registry.Count);
        using NameLease<object> lease = registry.Get("a");
        Assert.Equal(2, calls);
    }

    // What a weak reference gives up to the collector's mood happens here at a known moment: the object can be collected.
    [Fact]
    public void Nothing_holds_an_object_that_nobody_uses()
    {
        NameRegistry<string, object> registry = new(_ => new object());
        WeakReference gone = Use(registry);
        GC.Collect();
        Assert.False(gone.IsAlive);
        GC.KeepAlive(registry);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Use(NameRegistry<string, object> registry)
        {
            using NameLease<object> lease = registry.Get("a");
            return new WeakReference(lease.Value);
        }
    }

    // A registry that keeps a little of every key it ever saw fills the memory of a process that serves many users. The soak does the same with 10 million.
    [Fact]
    public void A_million_keys_come_and_go_and_leave_nothing()
    {
        KeyChurnResult result = new KeyChurn(Threads: 4, Keys: 1_000_000, Seed: 1).Run();
        Assert.True(result.IsClean, result.ToString());
    }

    // Few keys, many threads: two users of one key with different objects would lose counts that the object's lock should have kept.
    [Fact]
    public void Threads_that_meet_at_a_key_share_one_object()
    {
        const int Rounds = 200_000;
        NameRegistry<int, object> registry = new(_ => new object());
        int[] counts = new int[3];
        Caching.Threads threads = new();
        for (int worker = 0; worker < 4; worker++)
        {
            Random random = new(worker);
            threads.Work(() =>
            {
                for (int i = 0; i < Rounds; i++)
                {
                    int key = random.Next(counts.Length);
                    using NameLease<object> lease = registry.Get(key);
                    lock (lease.Value)
                        counts[key]++;
                }
            });
        }

        threads.Run();
        Assert.Equal(4 * Rounds, counts.Sum());
        Assert.Equal(0, registry.Count);
    }
}
