using System.Text;
using Sluice.Cli.Input;

namespace Sluice.Cli.Tests.Input;

public sealed class KeyTextTests
{
    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("é€😀")]
    public void A_short_text_is_its_own_key(string text) => Assert.Equal(text, Fit(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void The_longest_key_is_kept_whole() => Assert.Equal(new string('x', 512), Fit(Encoding.UTF8.GetBytes(new string('x', 512))));

    // Cutting alone would make one resource of all long paths with a common beginning.
    [Fact]
    public void Longer_values_stay_apart_and_fit()
    {
        string one = Fit(Encoding.UTF8.GetBytes(new string('x', 5000) + "1")), two = Fit(Encoding.UTF8.GetBytes(new string('x', 5000) + "2"));
        Assert.NotEqual(one, two);
        Assert.Equal(512, Encoding.UTF8.GetByteCount(one));
        Assert.StartsWith("xxxx", one, StringComparison.Ordinal);
    }

    // A key that is not UTF-8 is refused by the engine.
    [Fact]
    public void Whatever_the_bytes_are_the_key_is_text_of_at_most_512_bytes()
    {
        Random random = new(3);
        UTF8Encoding strict = new(false, throwOnInvalidBytes: true);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] value = new byte[random.Next(1, 1200)];
            if (i % 2 == 0)
                random.NextBytes(value);
            else
                value = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(i % 4 == 1 ? "é" : "x€😀", (value.Length / 4) + 1)));
            ReadOnlySpan<byte> key = KeyText.Fit(value, new byte[512]);
            Assert.InRange(key.Length, 1, 512);
            Assert.True(strict.GetCharCount(key) > 0);
        }
    }

    private static string Fit(byte[] value) => Encoding.UTF8.GetString(KeyText.Fit(value, new byte[512]));
}
