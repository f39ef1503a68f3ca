# %% [markdown]
# # The lecture: who likes which film?
#
# The cells of a lecture on recommender systems, in its order and with its code; only its two import lines became one.
# Where a notebook shows the last value of a cell, this script prints it. The ratings are those of MovieLens-100k: they
# are downloaded once, or taken from the folder that the environment variable PENCHANT_DATA names.

# %%
from penchant.collab import *  # noqa: F403 - what a notebook does

# ruff: noqa: F405

# %% [markdown]
# ## The data
# One table says who gave which film how many stars, and when; another which title belongs to the number of a film.

# %%
path = untar_data(URLs.ML_100k)
ratings = pd.read_csv(path / "u.data", delimiter="\t", header=None, names=["user", "movie", "rating", "timestamp"])
print(ratings)

# %%
movies = pd.read_csv(
    path / "u.item", delimiter="|", encoding="latin-1", usecols=(0, 1), names=("movie", "title"), header=None
)
print(movies)

# %% [markdown]
# Both in one: every rating with the title of its film.

# %%
df = ratings.merge(movies)
print(df)

# %% [markdown]
# ## Data loaders
# A fifth of the ratings is held out, the rest comes in batches of 64. Films are known by their titles.

# %%
dls = CollabDataLoaders.from_df(df, bs=64, item_name="title")
dls.show_batch()

# %% [markdown]
# ## A model
# Every person and every film gets ten numbers and a bias. Their product, squeezed between 0 and 5, is the prediction.

# %%
lrnr = collab_learner(dls, n_factors=10, y_range=(0, 5))
lrnr.fit(13)

# %%
lrnr.show_results()

# %% [markdown]
# ## A second model
# The numbers of a person and of a film go through two layers of neurons. It learns the training ratings by heart soon:
# the loss on held-out ratings rises again while that in training still falls.

# %%
lrnr2 = collab_learner(dls, use_nn=True, y_range=(0, 5), layers=[20, 10])
lrnr2.fit(8)

# %%
lrnr2.show_results()

# %% [markdown]
# ## Bias
# The bias of a film says how much better, or worse, it is rated than the taste of those who rated it explains.

# %%
print(lrnr.model)

# %%
print(lrnr.model.i_bias.weight.detach().to("cpu").squeeze())

# %%
lst1 = lrnr.model.i_bias.weight.detach().to("cpu").squeeze().argsort()[:20].tolist()
lst2 = lrnr.model.i_bias.weight.detach().to("cpu").squeeze().argsort(descending=True)[:20].tolist()

# %% [markdown]
# Films that are liked less than others:

# %%
print(list(dls.classes["title"][lst1]))

# %% [markdown]
# Films that nearly everybody likes:

# %%
print(list(dls.classes["title"][lst2]))

# %% [markdown]
# ## Predictions
# The first rows of a batch: numbers that stand for a person and a film.

# %%
x, y = dls.one_batch()
print(x[:5])

# %% [markdown]
# What do the first thirty people think of Titanic, film 1501? They like it. (The lecture's cells say "cuda:0"; data
# loaders know the device that they are on.)

# %%
xx = torch.tensor([[i, 1501] for i in range(1, 31)])
titanic = lrnr.model(xx.to(dls.device))
print(titanic)

# %%
titanic2 = lrnr2.model(xx.to(dls.device)).reshape(-1)
print(titanic2)

# %% [markdown]
# And of Robocop 3, film 1251? They don't.

# %%
xx = torch.tensor([[i, 1251] for i in range(1, 31)])
robocop = lrnr.model(xx.to(dls.device))
print(robocop)

# %%
robocop2 = lrnr2.model(xx.to(dls.device)).reshape(-1)
print(robocop2)
