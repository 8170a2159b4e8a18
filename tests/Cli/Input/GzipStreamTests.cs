using System.IO.Compression;
using System.Text;
using Sluice.Cli.Input;

namespace Sluice.Cli.Tests.Input;

public sealed class GzipStreamTests
{
    private static readonly byte[] Text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 300).Select(static i => $"line {i * 7919 % 1000}\n")));

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public async Task Whole_members_are_read_to_the_end(int piece)
    {
        byte[] member = Compress(Text);
        byte[] once = await ReadAsync(new ChoppedStream(member, piece));
        byte[] twice = await ReadAsync(new ChoppedStream([.. member, .. member], piece));
        byte[] none = await ReadAsync(new ChoppedStream(Compress([]), piece));
        Assert.Equal(Text, once);
        Assert.Equal([.. Text, .. Text], twice);
        Assert.Equal([], none);
    }

    // The runtime's own stream takes a cut-off file for a whole one: a log that was still being copied would be counted short without a word.
    [Fact]
    public async Task Data_that_ends_early_is_reported_wherever_it_ends_and_what_came_before_is_right()
    {
        byte[] member = Compress(Text);
        byte[] two = [.. member, .. member];
        for (int length = 1; length < two.Length; length++)
        {
            if (length == member.Length)
                continue;
            MemoryStream got = new();
            await Assert.ThrowsAsync<UnreadableInputException>(() => CopyAsync(new ChoppedStream(two[..length], 1 + (length % 61)), got));
            byte[] before = got.ToArray();
            Assert.Equal(((byte[])[.. Text, .. Text])[..before.Length], before);
        }
    }

    [Fact]
    public async Task Damaged_data_is_reported_wherever_it_is_damaged()
    {
        byte[] member = Compress(Text);

        // From byte 10 on: flags of the header may be changed without changing the contents.
        for (int at = 10; at < member.Length; at++)
        {
            byte[] damaged = (byte[])member.Clone();
            damaged[at] ^= 0x55;
            await Assert.ThrowsAsync<UnreadableInputException>(() => ReadAsync(new ChoppedStream(damaged, 1000)));
        }
    }

    [Fact]
    public async Task Bytes_after_the_last_member_are_reported() =>
        await Assert.ThrowsAsync<UnreadableInputException>(() => ReadAsync(new ChoppedStream([.. Compress(Text), 1, 2, 3], 1000)));

    private static byte[] Compress(byte[] bytes)
    {
        MemoryStream compressed = new();
        using (GZipStream gzip = new(compressed, CompressionMode.Compress))
            gzip.Write(bytes);
        return compressed.ToArray();
    }

    private static async Task<byte[]> ReadAsync(Stream compressed)
    {
        MemoryStream text = new();
        await CopyAsync(compressed, text);
        return text.ToArray();
    }

    private static async Task CopyAsync(Stream compressed, MemoryStream text)
    {
        await using GzipStream gzip = new(compressed);
        byte[] buffer = new byte[64];
        int read;
        while ((read = await gzip.ReadAsync(buffer)) > 0)
            text.Write(buffer, 0, read);
    }
}
