using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The claim itself, under the contention that a hot key brings.</summary>
public sealed class SealWordTests
{
    private const int Contenders = 4;

    [Fact]
    public void Claim_has_one_holder_and_shows_it_what_the_last_one_wrote()
    {
        // A claim that is taken with a plain store after a look lets two in, once in millions: both merges read the same sum.
        const int each = 3_000_000;
        Shared shared = new();
        shared.Word.Open();
        ulong life = shared.Word.Seen;
        Threads threads = new();
        for (int i = 0; i < Contenders; i++)
        {
            threads.Work(() =>
            {
                for (int n = 0; n < each; n++)
                {
                    ulong seen = life;
                    Assert.True(shared.Word.TryClaim(ref seen));
                    shared.First++;
                    if (n % 10_000 == 0)
                        Thread.Yield();
                    shared.Second++;
                    Assert.False(shared.Word.ReleaseMerged(seen));
                }
            });
        }

        threads.Run();
        Assert.Equal((Contenders * each, Contenders * each), (shared.First, shared.Second));
        Assert.Equal(1u + (Contenders * each), SealWord.Merges(shared.Word.Seen));
    }

    [Fact]
    public void Seal_is_final_and_turns_away_those_who_wait()
    {
        for (int round = 0; round < 500; round++)
        {
            Shared shared = new();
            Threads threads = new();
            shared.Word.Open();
            ulong life = shared.Word.Seen;
            ulong held = life;
            Assert.True(shared.Word.TryClaim(ref held));
            int turnedAway = 0;
            for (int i = 0; i < 2; i++)
            {
                threads.Work(() =>
                {
                    ulong seen = life;
                    if (!shared.Word.TryClaim(ref seen))
                        Interlocked.Increment(ref turnedAway);
                });
            }

            threads.Work(() =>
            {
                shared.First = 1;
                shared.Word.Seal(life);
            }).Run();
            Assert.False(SealWord.IsLive(shared.Word.Seen));
            Assert.False(shared.Word.TryClaim(ref life));
            Assert.Equal((2, 1), (turnedAway, shared.First));
        }
    }

    [Fact]
    public void Claim_of_a_life_that_is_over_is_refused_in_the_next_life_of_the_place()
    {
        // Otherwise a writer that found a session and slept would merge its event into the session of another key.
        SealWord word = default;
        Assert.False(SealWord.IsLive(word.Seen));
        HashSet<ulong> lives = [];
        for (int n = 0; n < 1000; n++)
        {
            word.Open();
            ulong seen = word.Seen;
            Assert.True(SealWord.IsLive(seen) && lives.Add(seen));
            foreach (ulong life in lives.Where(l => l != seen).TakeLast(3))
            {
                ulong over = life;
                Assert.False(word.TryClaim(ref over));
            }

            Assert.True(word.TryClaim(ref seen));
            word.ReleaseMerged(seen);

            // The merge in between has changed the word and not the life.
            ulong stale = seen;
            Assert.True(word.TryClaim(ref stale) && SealWord.IsSameLife(stale, seen));
            Assert.Equal(2u, SealWord.Merges(stale));
            word.Seal(stale);
            Assert.False(SealWord.IsLive(word.Seen));
            Assert.Equal(0u, SealWord.Merges(word.Seen));
        }
    }

    [Fact]
    public void Counts_that_come_around_leave_the_life_alone_and_say_so()
    {
        SealWord word = default;
        word.Open();
        ulong life = (uint)word.Seen;
        ulong last = life | ((ulong)uint.MaxValue << 32);
        Assert.True(word.ReleaseMerged(last));
        Assert.Equal((life, 0u), (word.Seen, SealWord.Merges(word.Seen)));

        // The last of all lives of a place is followed by the first, with a count of its own.
        word.Seal(uint.MaxValue - 2);
        Assert.Equal(0ul, word.Seen);
    }

    private sealed class Shared
    {
        public SealWord Word;
        public int First;
        public int Second;
    }
}
