using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sluice;
using Sluice.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds engines to a host.</summary>
public static class SluiceServiceCollectionExtensions
{
    /// <summary>Adds the host's engine, with the default options; set others with <see cref="SluiceBuilder.Configure(Action{EngineOptions})"/>.</summary>
    /// <param name="services">What the host is made of.</param>
    /// <remarks>
    /// The engine starts before the first hosted service, and stops when all of them have stopped: it drains with <see cref="EngineOptions.ShutdownTimeout"/>, which should be below the host's. Options are
    /// checked when the host starts. Logger factory and time provider are the host's, unless options say otherwise.
    /// </remarks>
    public static SluiceBuilder AddSluice(this IServiceCollection services) => services.AddSluice(name: "");

    /// <summary>Adds one of several engines, by name: its services are keyed by it, its options are named so.</summary>
    /// <param name="services">What the host is made of.</param>
    /// <param name="name">1 or more characters; empty: the host's only engine.</param>
    /// <exception cref="InvalidOperationException">There is an engine of this name already.</exception>
    public static SluiceBuilder AddSluice(this IServiceCollection services, string name)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        if (services.Any(service => service.ServiceType == typeof(HostedEngine) && Equals(service.ServiceKey, name)))
            throw new InvalidOperationException(name.Length == 0 ? "The host has an engine already. Give the others names: AddSluice(\"name\")." : $"The host has an engine '{name}' already.");
        services.AddOptions<EngineOptions>(name).ValidateOnStart();
        services.AddSingleton<IValidateOptions<EngineOptions>>(new EngineOptionsValidation(name));
        services.AddSingleton<IConfigureOptions<EngineOptions>>(provider => new ConfigureNamedOptions<EngineOptions>(name, options =>
        {
            options.LoggerFactory ??= provider.GetService<ILoggerFactory>();
            if (provider.GetService<TimeProvider>() is { } time)
                options.TimeProvider = time;
        }));
        services.AddKeyedSingleton(name, (provider, _) => new HostedEngine(provider, name));
        services.AddKeyedSingleton<ISluiceEngine>(name, static (provider, key) => provider.GetRequiredKeyedService<HostedEngine>(key));

        // Singletons, although they are there only later: what is handed out by a transient factory is disposed of with the scope that asked for it. A factory that throws is asked again.
        services.AddKeyedSingleton(name, static (provider, key) => provider.GetRequiredKeyedService<HostedEngine>(key).Started);
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<HostedEngine>(name));
        if (name.Length == 0)
        {
            services.TryAddSingleton<ISluiceEngine>(static provider => provider.GetRequiredKeyedService<HostedEngine>(""));
            services.TryAddSingleton(static provider => provider.GetRequiredKeyedService<HostedEngine>("").Started);
        }

        return new SluiceBuilder(services, name);
    }

    /// <summary>Adds the host's engine, with options from a configuration section.</summary>
    /// <param name="services">What the host is made of.</param>
    /// <param name="configuration">
    /// The section. Its keys are the options' names; <c>Preset</c> is applied before them; <c>Redis</c> is a server's address, or a section with <c>Servers</c> and the options of <see cref="RedisOptions"/>. A key
    /// that is none of these keeps the host from starting.
    /// </param>
    [RequiresUnreferencedCode(SectionBinding.Reflection)]
    [RequiresDynamicCode(SectionBinding.Reflection)]
    public static SluiceBuilder AddSluice(this IServiceCollection services, IConfiguration configuration) => services.AddSluice("", configuration);

    /// <summary>Adds one of several engines, with options from a configuration section.</summary>
    /// <param name="services">What the host is made of.</param>
    /// <param name="name">1 or more characters; empty: the host's only engine.</param>
    /// <param name="configuration">The section, as in the form without a name.</param>
    /// <exception cref="InvalidOperationException">There is an engine of this name already.</exception>
    [RequiresUnreferencedCode(SectionBinding.Reflection)]
    [RequiresDynamicCode(SectionBinding.Reflection)]
    public static SluiceBuilder AddSluice(this IServiceCollection services, string name, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        SluiceBuilder builder = services.AddSluice(name);
        services.AddSingleton<IConfigureOptions<EngineOptions>>(new ConfigureNamedOptions<EngineOptions>(name, options => SectionBinding.Bind(configuration, options)));
        return builder;
    }
}
