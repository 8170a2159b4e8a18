using System.Security.Cryptography;
using System.Text;
using Sluice.Cli.Input;
using Sluice.Cli.Sample;

namespace Sluice.Cli.Tests.Sample;

public sealed class SampleLogTests
{
    // Documentation and bug reports name a seed: what it means must not depend on how it is read.
    [Fact]
    public async Task The_same_seed_gives_the_same_bytes_however_they_are_read()
    {
        byte[] once = await ReadAsync(7, 3000, 1 << 20);
        Assert.Equal(once, await ReadAsync(7, 3000, 13));
        Assert.NotEqual(once, await ReadAsync(8, 3000, 1 << 20));
        Assert.Equal("8859", Convert.ToHexString(SHA256.HashData(once))[..4]);
    }

    [Fact]
    public async Task A_longer_log_begins_with_the_shorter_one()
    {
        byte[] shorter = await ReadAsync(1, 1000, 1 << 20), longer = await ReadAsync(1, 2000, 1 << 20);
        Assert.Equal(shorter, longer[..shorter.Length]);
    }

    [Fact]
    public async Task It_looks_like_a_log()
    {
        string[] lines = Encoding.ASCII.GetString(await ReadAsync(1, 100_000, 1 << 20)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(100_000, lines.Length);
        CombinedLogParser parser = new();
        HashSet<string> clients = [];
        int malformed = 0, errors = 0, empty = 0, backwards = 0;
        long last = 0;
        foreach (string line in lines)
        {
            if (parser.Parse(Encoding.ASCII.GetBytes(line), out LogRecord record) != Malformation.None)
            {
                malformed++;
                continue;
            }

            clients.Add(Encoding.ASCII.GetString(record.Client));
            errors += record.Status >= 400 ? 1 : 0;
            empty += record.Bytes == 0 ? 1 : 0;
            backwards += record.Ticks < last ? 1 : 0;
            last = record.Ticks;
        }

        Assert.InRange(malformed, 1, 30);
        Assert.InRange(clients.Count, 1_000, 20_000);
        Assert.InRange(errors, 100, 5_000);
        Assert.InRange(empty, 1_000, 40_000);
        Assert.InRange(backwards, 1_000, 50_000);
    }

    private static async Task<byte[]> ReadAsync(ulong seed, long lines, int piece)
    {
        await using SampleLog log = new(seed, lines);
        MemoryStream all = new();
        byte[] buffer = new byte[piece];
        int read;
        while ((read = await log.ReadAsync(buffer)) > 0)
            all.Write(buffer, 0, read);
        return all.ToArray();
    }
}
